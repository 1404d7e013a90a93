"""How an agent behaves, as callers write it."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agent_service.api.doors import Words
from agent_service.domain.model import AgentSettings, Caps, Limits
from agent_service.domain.model.hours import read_hours
from agent_service.domain.model.triggers import (
    Trigger,
    TriggerKind,
    TriggerOperator,
    check_trigger,
)

_DEFAULTS = AgentSettings()
_NO_CAPS = Caps()
_DAY = 1440
_YEAR = 365 * _DAY

Count = Annotated[int | None, Field(ge=1, le=10**15)]
ToolName = Annotated[Words, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Spoken = Annotated[Words, Field(min_length=1, max_length=2000, pattern=r"\S")]
"""What a customer is told when nothing else is said: it cannot be blank, but left to us."""
Phrase = Annotated[Words, Field(min_length=2, max_length=200, pattern=r"^(?:[^*]+\*){0,3}[^*]*$")]


class LimitsBody(BaseModel):
    """What may be used; what is left out is unlimited. Money is millionths of a US dollar."""

    model_config = ConfigDict(extra="forbid")

    requests_per_minute: Count = None
    tokens_per_minute: Count = None
    micros_per_day: Count = None
    micros_per_month: Count = None
    parallel_runs: Count = None

    def to_limits(self) -> Limits:
        """Give the domain's value."""
        return Limits(**self.model_dump())


class CapsBody(BaseModel):
    """How far one run may go before a person is asked for."""

    model_config = ConfigDict(extra="forbid")

    model_calls: int = Field(_NO_CAPS.model_calls, ge=1, le=50)
    tool_calls: int = Field(_NO_CAPS.tool_calls, ge=0, le=100)
    seconds: float = Field(_NO_CAPS.seconds, ge=1, le=600)
    tokens: int = Field(_NO_CAPS.tokens, ge=100, le=10_000_000)
    cost_micros: Count = None


class TriggerBody(BaseModel):
    """What wakes an agent; words are compared without case, accents and punctuation."""

    model_config = ConfigDict(extra="forbid")

    kind: TriggerKind = TriggerKind.ALL
    operator: TriggerOperator = TriggerOperator.CONTAINS
    value: Words = Field("", max_length=500)
    """A keyword, a pattern with `*`, or rules such as `contains:price,quote notcontains:job`."""

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        check_trigger(self.to_trigger())
        return self

    def to_trigger(self) -> Trigger:
        """Give the domain's value."""
        return Trigger(self.kind, self.operator, self.value)


class SettingsBody(BaseModel):
    """How an agent behaves; what is left out keeps its default."""

    model_config = ConfigDict(extra="forbid")

    instructions: Words = Field(_DEFAULTS.instructions, min_length=1, max_length=20_000)
    model: Words | None = Field(None, max_length=200)
    base_url: Words | None = Field(None, max_length=500)
    api: Literal["responses", "chat_completions"] = "responses"
    temperature: float | None = Field(None, ge=0, le=2)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    max_output_tokens: int = Field(_DEFAULTS.max_output_tokens, ge=16, le=32_000)
    quiet_seconds: float = Field(_DEFAULTS.quiet_seconds, ge=0, le=60)
    deadline_seconds: float = Field(_DEFAULTS.deadline_seconds, ge=0, le=300)
    media_wait_seconds: float = Field(_DEFAULTS.media_wait_seconds, ge=0, le=300)
    typing_ms_per_char: int = Field(_DEFAULTS.typing_ms_per_char, ge=0, le=500)
    split_messages: bool = _DEFAULTS.split_messages
    delay_ms: int = Field(_DEFAULTS.delay_ms, ge=0, le=20_000)
    answer_groups: bool = _DEFAULTS.answer_groups
    language: Words | None = Field(None, min_length=2, max_length=60)
    trigger: TriggerBody = TriggerBody()
    finish_keyword: Words = Field(_DEFAULTS.finish_keyword, max_length=60)
    finish_text: Words = Field(_DEFAULTS.finish_text, max_length=2000)
    keep_open: bool = _DEFAULTS.keep_open
    hand_off_words: tuple[Phrase, ...] = Field((), max_length=50)
    hand_off_text: Spoken | None = None
    hand_off_closed_text: Spoken | None = None
    on_owner_message: Literal["pause", "ignore", "answer"] = "pause"
    pause_minutes: int = Field(_DEFAULTS.pause_minutes, ge=0, le=_YEAR)
    hand_off_minutes: int = Field(_DEFAULTS.hand_off_minutes, ge=0, le=_YEAR)
    ignored_contacts: tuple[Words, ...] = Field((), max_length=1000)
    unknown_reply: Words = Field(_DEFAULTS.unknown_reply, max_length=2000)
    out_of_hours_text: Words = Field(_DEFAULTS.out_of_hours_text, max_length=2000)
    fallback_agent_id: Words | None = Field(None, max_length=80)
    history_messages: int = Field(_DEFAULTS.history_messages, ge=1, le=200)
    history_tokens: int = Field(_DEFAULTS.history_tokens, ge=0, le=200_000)
    session_idle_minutes: int = Field(_DEFAULTS.session_idle_minutes, ge=1, le=_YEAR)
    fallback_text: Spoken | None = None
    refusal_text: Spoken | None = None
    requests_per_minute: int = Field(_DEFAULTS.requests_per_minute, ge=1, le=100_000)
    limits: LimitsBody = LimitsBody()
    contact_limits: LimitsBody = LimitsBody()
    caps: CapsBody = CapsBody()
    tools: tuple[ToolName, ...] = Field((), max_length=64)
    speech_to_text: bool = _DEFAULTS.speech_to_text
    transcription_model: Words | None = Field(None, max_length=200)
    see_images: bool = _DEFAULTS.see_images
    moderation: bool = _DEFAULTS.moderation
    forbidden_phrases: tuple[Phrase, ...] = Field((), max_length=100)
    time_zone: Words = Field(_DEFAULTS.time_zone, max_length=60)
    business_hours: tuple[Words, ...] = Field((), max_length=28)
    holidays: tuple[date, ...] = Field((), max_length=100)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        read_hours(zone, (), ())
        return zone

    @field_validator("business_hours")
    @classmethod
    def _hours_can_be_read(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        read_hours("UTC", rules, ())
        return rules

    def to_settings(self) -> AgentSettings:
        """Give the domain's value."""
        plain = self.model_dump(exclude={"limits", "contact_limits", "caps", "holidays", "trigger"})
        return AgentSettings(
            **plain,
            limits=self.limits.to_limits(),
            contact_limits=self.contact_limits.to_limits(),
            caps=Caps(**self.caps.model_dump()),
            trigger=self.trigger.to_trigger(),
            holidays=tuple(day.isoformat() for day in self.holidays),
        )
