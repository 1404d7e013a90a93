"""Agents and how they behave."""

from dataclasses import dataclass, fields
from datetime import datetime

from agent_service.domain.model.triggers import EVERYTHING, Trigger
from common.contracts import AgentId, TenantId


@dataclass(frozen=True, slots=True)
class Caps:
    """How far one run may go before a person is asked for."""

    model_calls: int = 8
    tool_calls: int = 10
    seconds: float = 90.0
    """Of work; time spent waiting for a busy model server is not counted."""
    tokens: int = 100_000
    cost_micros: int | None = None
    """Millionths of a US dollar; None for no cap of its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant, an agent or a contact may use; None is unlimited.

    Money is whole micro-USD; days and months are those of UTC.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    micros_per_day: int | None = None
    micros_per_month: int | None = None
    parallel_runs: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing but requests is limited."""
        return (
            self.tokens_per_minute is None
            and self.micros_per_day is None
            and self.micros_per_month is None
            and self.parallel_runs is None
        )

    @property
    def in_money(self) -> bool:
        """Whether money is limited."""
        return self.micros_per_day is not None or self.micros_per_month is not None

    def within(self, ceiling: "Limits") -> "Limits":
        """The same, and in nothing more than a ceiling allows."""
        both = {one.name: (getattr(self, one.name), getattr(ceiling, one.name)) for one in _LIMITS}
        return Limits(
            **{
                name: min((one for one in given if one is not None), default=None)
                for name, given in both.items()
            }
        )

    def over(self, ceiling: "Limits") -> list[str]:
        """Name what is more than a ceiling allows."""
        held = self.within(ceiling)
        names = [one.name for one in _LIMITS if getattr(self, one.name) is not None]
        return [name for name in names if getattr(self, name) != getattr(held, name)]


_LIMITS = fields(Limits)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How an agent behaves; every field has a default a business can start with."""

    instructions: str = "You are a helpful assistant of this business. Answer briefly."
    model: str | None = None
    """None for the operator's default."""
    base_url: str | None = None
    api: str = "responses"
    """`responses`, or `chat_completions` for servers that speak only that (Ollama, vLLM)."""
    temperature: float | None = None
    reasoning_effort: str | None = None
    """For models that reason: then their sealed reasoning travels between the calls of a run."""
    max_output_tokens: int = 800
    quiet_seconds: float = 3.0
    """How long the customer must pause before the agent answers."""
    deadline_seconds: float = 30.0
    """The longest a customer who keeps writing waits for an answer."""
    media_wait_seconds: float = 30.0
    """The longest a turn waits for a voice note to be heard or an image to be fetched."""
    typing_ms_per_char: int = 20
    split_messages: bool = True
    """Send each paragraph of an answer as a message of its own."""
    delay_ms: int = 0
    """The least time that typing is shown before a message."""
    answer_groups: bool = False
    language: str | None = None
    """None to answer in the customer's."""
    trigger: Trigger = EVERYTHING
    """What wakes the agent in a conversation where it has not spoken lately."""
    finish_keyword: str = ""
    """A customer who writes just this ends the conversation."""
    finish_text: str = ""
    keep_open: bool = False
    """After the finish keyword, answer the next message as if nothing had been ended."""
    hand_off_words: tuple[str, ...] = ()
    """What else asks for a person: whole messages, or patterns with `*`."""
    hand_off_text: str | None = None
    """None here and below for our words in the customer's language; see `wordings`."""
    hand_off_closed_text: str | None = None
    """What is said instead while the business is closed: nobody comes at once."""
    on_owner_message: str = "pause"
    """What the agent does when the owner types on the phone: `pause`, `ignore` or `answer`."""
    pause_minutes: int = 60
    """How long it stays silent after a person's last message; 0 until it is handed back."""
    hand_off_minutes: int = 0
    """How long a person who was asked for is waited for; 0 for ever."""
    ignored_contacts: tuple[str, ...] = ()
    """Phones (E.164), LIDs and group ids that are never answered."""
    unknown_reply: str = ""
    """What is said to a message that cannot be read; empty to leave it to the model."""
    out_of_hours_text: str = ""
    """What is said outside the business hours, instead of an answer; empty to answer always."""
    fallback_agent_id: str | None = None
    """Which agent answers what does not wake this one."""
    history_messages: int = 40
    history_tokens: int = 3000
    """How much of what was said a model is shown, besides what it must answer."""
    session_idle_minutes: int = 1440
    """After so long a silence a new session begins: of the old one, only the summary is shown."""
    fallback_text: str | None = None
    refusal_text: str | None = None
    requests_per_minute: int = 120
    """Of the whole tenant, unless its own limits say otherwise."""
    limits: Limits = Limits()
    contact_limits: Limits = Limits()
    """Of each contact of this agent."""
    caps: Caps = Caps()
    tools: tuple[str, ...] = ()
    """Which tools the agent may use; it is offered no other."""
    speech_to_text: bool = True
    transcription_model: str | None = None
    see_images: bool = True
    moderation: bool = False
    forbidden_phrases: tuple[str, ...] = ()
    """What the agent must never say; `*` stands for anything within a sentence."""
    time_zone: str = "UTC"
    business_hours: tuple[str, ...] = ()
    """Such as `mon-fri 09:00-18:00`; empty for always open."""
    holidays: tuple[str, ...] = ()
    """ISO dates on which the business is closed."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent of a tenant."""

    id: AgentId
    tenant: TenantId
    name: str
    settings: AgentSettings
    created_at: datetime
    updated_at: datetime
    sealed_api_key: str | None = None
    refused_until: datetime | None = None
    """Until when its model account is not asked, because it has refused."""
    refused_because: str = ""
