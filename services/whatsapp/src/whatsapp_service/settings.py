"""What the whatsapp service reads from its environment."""

from datetime import timedelta

from pydantic import HttpUrl, PositiveFloat, PositiveInt, SecretStr

from common.settings import ServiceSettings


class Settings(ServiceSettings, env_prefix="WHATSAPP_"):
    """Environment variables prefixed with WHATSAPP_, for example WHATSAPP_EVOLUTION_URL."""

    evolution_url: HttpUrl
    """The Evolution API server, without a trailing path of its own."""
    evolution_api_key: SecretStr
    """Its AUTHENTICATION_API_KEY."""
    agent_url: HttpUrl
    """The agent service's internal address."""
    gateway_public_url: HttpUrl
    """Where Evolution reaches the gateway."""
    send_concurrency: PositiveInt = 64
    """Chats that may be sent to at once by one worker."""
    send_lease_seconds: PositiveFloat = 30
    """How long a silent worker keeps its chats."""
    settle_seconds: PositiveFloat = 25
    """How long after a call began Evolution may still carry it out; above the call's timeout."""

    @property
    def send_lease(self) -> timedelta:
        """`send_lease_seconds` as a duration."""
        return timedelta(seconds=self.send_lease_seconds)

    @property
    def settle_after(self) -> timedelta:
        """`settle_seconds` as a duration."""
        return timedelta(seconds=self.settle_seconds)
