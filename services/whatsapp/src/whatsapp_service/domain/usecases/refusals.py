"""Why something is not sent, or not yet: decided before the provider is called."""

from datetime import datetime, timedelta

from common.contracts import ConnectionState, ContactsMessage
from common.errors import HeldBack, Permanent, Unavailable
from whatsapp_service.domain.model import ENDED
from whatsapp_service.domain.model.outgoing import file_of
from whatsapp_service.domain.ports import Sending

_CANNOT_SEND = ENDED | {ConnectionState.QR}
_AWAY = timedelta(seconds=5)
_MOST_TIMES = 6
_OPERATOR = timedelta(seconds=60)
"""How long a lane waits when only a person can help (a key, a licence): each call is refused."""


def refusal_of(sending: Sending, now: datetime) -> tuple[str, str] | None:
    """Give the code and the reason when it must never be sent."""
    outbound = sending.outbound
    if sending.instance is None:
        return "number_deleted", "The number it was to be sent from was removed."
    if not sending.jids:
        return "number_deleted", "The chat it was to be sent to was removed."
    if outbound.expired(now):
        return "expired", "Its time had passed before it could be sent."
    if sending.opted_out and not outbound.exempt:
        return "opted_out", "The customer opted out: nothing is sent until they opt in."
    return _unsendable(sending)


def _unsendable(sending: Sending) -> tuple[str, str] | None:
    content = sending.outbound.content
    file = file_of(content)
    own = f"media/{sending.outbound.tenant}/"
    if file is not None and file.reference is not None and not file.reference.startswith(own):
        return "forbidden", "The file is not one of this tenant's."
    if isinstance(content, ContactsMessage) and not all(card.phones for card in content.contacts):
        return "invalid_input", "A contact without a phone cannot be sent."
    return None


def hold_back(sending: Sending, now: datetime, attempts: int) -> None:
    """Return when it may be sent now.

    Raises:
        HeldBack: it must wait, with the reason and the time.
    """
    if sending.state in _CANNOT_SEND:
        # Its lanes are woken when the number opens; asking until then need not be often.
        wait = _AWAY * min(1 + attempts, _MOST_TIMES)
        raise HeldBack(f"the number is {sending.state}", retry_after=wait)
    until = sending.settings.quiet_until(sending.outbound.priority, now)
    if until is not None:
        raise HeldBack(f"quiet hours until {until:%H:%M} UTC", retry_after=until - now)


def for_operator(error: Permanent) -> Unavailable:
    """Make the error that lets a lane wait, and tells whoever looks at it what to do."""
    words = f"{error.code}: {error} {error.hint}".rstrip()
    return Unavailable(words, retry_after=_OPERATOR)
