"""A business's WhatsApp numbers, and how they stand."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from common.contracts import AgentId, ConnectionState, IntegrationId, TenantId
from common.errors import InvalidInput
from common.names import checked_name

ALIVE = frozenset({ConnectionState.OPEN, ConnectionState.DEGRADED})
"""States in which messages come and go."""
ENDED = frozenset(
    {
        ConnectionState.CLOSED,
        ConnectionState.NEEDS_SCAN,
        ConnectionState.REFUSED,
        ConnectionState.DELETED,
    }
)
"""States that a number leaves only when somebody connects it again, or its server comes back."""


class Transport(StrEnum):
    """How Evolution reaches WhatsApp for a number."""

    BAILEYS = "baileys"
    """A phone's linked device: scanned, and logged out by the phone."""
    CLOUD_API = "cloud_api"
    """Meta's own API: no QR code, a token instead."""
    EVOLUTION = "evolution"
    """Evolution's own channel: messages are put in through its API; always open."""

    @property
    def is_scanned(self) -> bool:
        """Whether a phone scans a code to connect it."""
        return self is Transport.BAILEYS


@dataclass(frozen=True, slots=True)
class Account:
    """What a number is connected with; for a scanned one the phone knows all of it."""

    transport: Transport = Transport.BAILEYS
    number: str | None = None
    """The phone (digits) that a pairing code is for; on the Cloud API the phone_number_id."""
    business_id: str | None = None
    """The WhatsApp Business Account; Cloud API only."""

    def __post_init__(self) -> None:
        """Refuse what Evolution would take and never connect.

        Raises:
            InvalidInput: an id is missing.
        """
        if self.transport is Transport.CLOUD_API and not (self.number and self.business_id):
            raise InvalidInput(
                "The Cloud API needs number (the phone_number_id), business_id and token.",
                hint="All three are in Meta's app dashboard, under WhatsApp > API Setup.",
            )


@dataclass(frozen=True, slots=True)
class Integration:
    """One WhatsApp number of a tenant, and the agent that answers it."""

    id: IntegrationId
    tenant: TenantId
    agent_id: AgentId
    instance: str
    state: ConnectionState
    generation: int
    updated_at: datetime
    created: bool = False
    """Whether the provider has the instance; False while it is being made."""
    reason: str | None = None
    phone: str | None = None
    profile_name: str | None = None
    qr_image: str | None = None
    """The QR code as a data URI."""
    qr_code: str | None = None
    pairing_code: str | None = None
    qr_at: datetime | None = None
    name: str | None = None
    """What operators call it."""
    account: Account = Account()
    previous_until: datetime | None = None
    """Until when the webhook address before this generation is still believed."""
    deleting: bool = False
    """Whether its removal has begun and not ended."""

    def believes(self, generation: int, now: datetime) -> bool:
        """Whether a webhook address of this generation may still be called.

        Evolution repeats what failed, with the address it had, for some twenty minutes.
        """
        if generation == self.generation:
            return True
        until = self.previous_until
        return generation == self.generation - 1 and until is not None and now < until


def instance_name(integration: IntegrationId) -> str:
    """Name the provider's instance: strict characters, unique, and ours at a glance.

    Evolution accepts an empty name and can then never delete it, so we never let it choose.
    """
    return f"parley-{integration.removeprefix('int_')}"


@dataclass(frozen=True, slots=True)
class Qr:
    """A code to be scanned."""

    code: str | None
    image: str | None
    pairing_code: str | None = None


_PHONE = re.compile(r"\+?[1-9]\d{7,14}")


def phone_digits(written: str) -> str:
    """Give a phone as WhatsApp's pairing wants it: digits, country code first.

    Raises:
        InvalidInput: it is no phone number with a country code.
    """
    bare = re.sub(r"[\s().-]", "", written)
    if not _PHONE.fullmatch(bare):
        raise InvalidInput(
            "phone must be a number with its country code.", hint="For example +55 11 98888-0001."
        )
    return bare.removeprefix("+")


def number_name(written: str) -> str:
    """Give what a number shall be called; raises InvalidInput as `checked_name` does."""
    return checked_name(written, most=100)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the provider answers when asked how a number stands: from its memory, which may err."""

    state: ConnectionState
    """OPEN, CONNECTING, CLOSED, or NEEDS_SCAN when WhatsApp logged it out."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What became of the messages that a number sent some minutes ago."""

    sent: int
    acknowledged: int
    closed: int
    """Lanes whose head was refused because the connection is closed."""

    @property
    def is_dead(self) -> bool:
        """Whether nothing gets through, whatever the provider says of the connection."""
        return self.closed > 0 or (self.sent > 0 and self.acknowledged == 0)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a number may be in doubt."""

    connecting: timedelta = timedelta(seconds=60)
    """So long without an answer from WhatsApp counts as closed."""
    settling: timedelta = timedelta(seconds=5)
    """After a change, what the provider's memory says may be older than what it told."""
    unanswered: int = 3
    """Checks in a row that the provider did not answer until its numbers count as closed."""


_UNREACHABLE = "WhatsApp has been out of reach for a while. It is tried again and again."
_SILENT = (
    "Nothing that was sent minutes ago has arrived, though the connection is said to be open. "
    "Reconnect the number if it lasts."
)
_REFUSING = (
    "Evolution says that the connection is open and refuses to send: the socket is dead. "
    "Reconnect the number."
)
_LOST = "The connection to WhatsApp was closed. Reconnect the number."
_WAITING = frozenset({ConnectionState.CONNECTING, ConnectionState.QR})


def judge(
    number: Integration, seen: Sighting, traffic: Traffic, now: datetime, patience: Patience
) -> tuple[ConnectionState, str | None] | None:
    """Say where a number really stands, and why; None when that is known already."""
    if now - number.updated_at < patience.settling:
        return None
    match seen.state:
        case ConnectionState.OPEN:
            return _seen_open(number, traffic)
        case ConnectionState.CONNECTING if number.state in ALIVE:
            return ConnectionState.CONNECTING, None
        case ConnectionState.CONNECTING:
            late = now - number.updated_at > patience.connecting
            hangs = late and number.state is ConnectionState.CONNECTING
            return (ConnectionState.CLOSED, _UNREACHABLE) if hangs else None
        case _ if number.state in ALIVE | _WAITING:
            return seen.state, seen.reason or _LOST
    return None


def _seen_open(number: Integration, traffic: Traffic) -> tuple[ConnectionState, str | None] | None:
    if number.state is ConnectionState.OPEN and traffic.is_dead:
        return ConnectionState.DEGRADED, _REFUSING if traffic.closed else _SILENT
    # One that is degraded is said to be open all the time: only an ack proves it.
    return None if number.state in ALIVE else (ConnectionState.OPEN, None)
