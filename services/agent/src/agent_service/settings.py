"""What the agent service reads from its environment."""

from datetime import timedelta

from pydantic import HttpUrl, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr

from common.settings import ServiceSettings


class Settings(ServiceSettings, env_prefix="AGENT_"):
    """Environment variables prefixed with AGENT_, for example AGENT_OPENAI_MODEL."""

    openai_base_url: HttpUrl
    """The model server for agents that name none; includes `/v1`."""
    openai_api_key: SecretStr
    """Its key, for agents that bring none."""
    openai_model: str
    """The model for agents that name none; names are configuration, they are retired yearly."""
    model_timeout_seconds: PositiveFloat = 60
    turn_concurrency: PositiveInt = 64
    """Conversations that one worker answers at once."""
    turn_lease_seconds: PositiveFloat = 30
    """How long a silent worker keeps its conversations."""
    chore_concurrency: PositiveInt = 16
    """Voice notes heard, summaries made and follow-ups said at once, besides the turns."""
    model_hosts: tuple[str, ...] = ()
    """Hosts or networks that are ours to allow as a tenant's model server (JSON list)."""
    tool_hosts: tuple[str, ...] = ()
    """Hosts or networks that are ours to allow in a tenant's HTTP tools (JSON list)."""
    transcription_model: str | None = None
    """Hears voice notes for agents that name none; without one they are not heard."""
    moderation_model: str = "omni-moderation-latest"
    image_max_bytes: PositiveInt = 5 * 1024 * 1024
    """Larger pictures are named to a model, not shown."""
    media_max_bytes: PositiveInt = 16 * 1024 * 1024
    """The largest file of a tenant's library."""
    default_input_micros: NonNegativeInt = 2_500_000
    """Micro-USD per million tokens, for models without a price of their own."""
    default_cached_micros: NonNegativeInt = 2_500_000
    default_output_micros: NonNegativeInt = 15_000_000
    default_minute_micros: NonNegativeInt = 6_000
    """Micro-USD per minute of sound, likewise."""

    @property
    def turn_lease(self) -> timedelta:
        """`turn_lease_seconds` as a duration."""
        return timedelta(seconds=self.turn_lease_seconds)
