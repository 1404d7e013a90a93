"""What the whatsapp service reads from its environment."""

from datetime import timedelta

from pydantic import HttpUrl, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr

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
    create_seconds: PositiveFloat = 20
    """How long Evolution may take to make a number; it blocks for five seconds and more. With the
    question whether there is such an agent (5 s) it ends before the gateway's patience does."""
    send_concurrency: PositiveInt = 64
    """Chats that may be sent to at once by one worker."""
    send_lease_seconds: PositiveFloat = 30
    """How long a silent worker keeps its chats."""
    settle_seconds: PositiveFloat = 25
    """How long after a call began Evolution may still carry it out, thrice so with a file; above
    the calls' timeouts of 20 and 60 s."""
    give_up_seconds: PositiveFloat = 3600
    """How long to ask what became of a call, until a human is told that nobody knows."""
    pace_seconds: PositiveFloat = 15
    """How often each number's pace is set anew, and new opt-out words are learned."""

    check_seconds: PositiveFloat = 60
    """How often Evolution is asked how a number stands that works; one in doubt, four times so."""
    connecting_seconds: PositiveFloat = 60
    """How long a number may try to reach WhatsApp until it counts as closed."""
    silence_seconds: PositiveFloat = 180
    """A number is degraded when nothing that it sent so long ago was acknowledged."""
    sweep_seconds: PositiveFloat = 3600
    """How often what Evolution has is compared with what we have, when nothing calls for it."""
    rotation_grace_seconds: PositiveFloat = 1500
    """How long an old webhook address is believed; Evolution repeats for some 1,300 s."""
    media_max_bytes: PositiveInt = 26_214_400
    """The largest file that is kept."""
    media_types: tuple[str, ...] = (
        *("image/", "audio/", "video/", "text/plain", "text/csv", "text/vcard", "text/xml"),
        *("application/pdf", "application/zip", "application/xml", "application/json"),
        *("application/ogg", "application/msword", "application/vnd.ms-"),
        *("application/vnd.openxmlformats-", "application/vnd.oasis."),
    )
    """Types of files that are kept, or families of them; others are refused, with the reason."""
    media_concurrency: PositiveInt = 4
    """Files that one worker fetches at once; each is in memory whole."""
    media_days: NonNegativeInt = 0
    """How long files are kept after their day; 0 is for ever."""
    unread_days: NonNegativeInt = 90
    """How long webhooks that could not be read are kept whole; 0 is for ever."""
    media_link_seconds: PositiveInt = 600
    """How long a link to a file works."""

    @property
    def send_lease(self) -> timedelta:
        """`send_lease_seconds` as a duration."""
        return timedelta(seconds=self.send_lease_seconds)

    @property
    def settle_after(self) -> timedelta:
        """`settle_seconds` as a duration."""
        return timedelta(seconds=self.settle_seconds)
