"""What the agent service reads from its environment."""

from datetime import timedelta

from pydantic import HttpUrl, PositiveFloat, PositiveInt, SecretStr

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
    model_hosts: tuple[str, ...] = ()
    """Hosts or networks that are ours to allow as a tenant's model server (JSON list)."""

    @property
    def turn_lease(self) -> timedelta:
        """`turn_lease_seconds` as a duration."""
        return timedelta(seconds=self.turn_lease_seconds)
