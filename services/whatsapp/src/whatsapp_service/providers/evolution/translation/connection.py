"""The state of the number itself: connected, waiting to be scanned, logged out, removed."""

from datetime import UTC, datetime

from common.contracts import ConnectionChanged, ConnectionState, QrCodeRefreshed
from whatsapp_service.domain.model import Ignored, Observation, Qr, Unknown
from whatsapp_service.providers.evolution.translation.json_values import (
    first_text,
    integer,
    mapping,
    size,
    text,
)
from whatsapp_service.providers.evolution.translation.notice import Notice, Said
from whatsapp_service.providers.evolution.translation.people import phone_number

_LOGGED_OUT = {
    401: "The phone unlinked this number. Scan the QR code again to reconnect it.",
    402: "WhatsApp has banned this number for a while. Wait, then scan the QR code again.",
    403: "WhatsApp has locked this number. Check the phone, then scan the QR code again.",
    406: "WhatsApp has banned this number. Appeal on the phone; then scan the QR code again.",
}
"""Codes after which Evolution does not reconnect by itself, and what they mean."""
_REFUSED = "Nobody scanned the QR code in time. Ask for a new one when the phone is at hand."
_UNLINKED = "This number was logged out. Scan the QR code again to reconnect it."
_REMOVED = "The number was removed from Evolution."
_CLOSED = ("closed", "close")
_IMAGE = "data:"
_PNG = "data:image/png;base64,"


def connection_update(notice: Notice) -> list[Said]:
    """CONNECTION_UPDATE: connecting, open, close or refused.

    A short loss shows as connecting and open; close means that somebody must act.
    """
    data = mapping(notice.data)
    code = integer(data.get("statusReason"))
    match data.get("state"):
        case "connecting":
            return [_changed(notice, ConnectionState.CONNECTING, None)]
        case "open":
            return [_changed(notice, ConnectionState.OPEN, None)]
        case "close" | "closed":
            return [_closed(notice, code)]
        case "refused":
            return [_changed(notice, ConnectionState.REFUSED, _REFUSED)]
        case str() as state:
            return [Unknown(f"connection.update with a state we do not know: {state[:40]!r}")]
    return [Ignored("connection.update without a state")]


def status_instance(notice: Notice) -> list[Said]:
    """STATUS_INSTANCE: comes beside the close of a logout, in any order, with its code."""
    data = mapping(notice.data)
    if data.get("status") not in _CLOSED:
        return [Ignored("status.instance tells of nothing but a number that was closed")]
    return [_closed(notice, integer(data.get("disconnectionReasonCode")))]


def logged_out(notice: Notice) -> list[Said]:
    """LOGOUT_INSTANCE: data is null; the session is gone, the instance stays."""
    return [_changed(notice, ConnectionState.NEEDS_SCAN, _UNLINKED)]


def removed(notice: Notice) -> list[Said]:
    """REMOVE_INSTANCE, INSTANCE_DELETE: the instance is gone."""
    return [_changed(notice, ConnectionState.DELETED, _REMOVED)]


def _closed(notice: Notice, code: int | None) -> Observation:
    return _changed(notice, *why_closed(code))


def why_closed(code: int | None) -> tuple[ConnectionState, str]:
    """Say what a closed number needs, and why, by WhatsApp's code."""
    if code in _LOGGED_OUT:
        return ConnectionState.NEEDS_SCAN, _LOGGED_OUT[code]
    why = "" if code is None else f" (code {code})"
    return ConnectionState.CLOSED, (
        f"The connection to WhatsApp was closed{why}. Reconnect the number."
    )


def _changed(notice: Notice, state: ConnectionState, reason: str | None) -> Observation:
    data = mapping(notice.data)
    event = ConnectionChanged(
        integration_id=notice.integration,
        state=state,
        reason=reason,
        phone=phone_number(data.get("wuid")),
        profile_name=text(data.get("profileName")),
    )
    return Observation(event, told_at=_told_at(notice))


def _told_at(notice: Notice) -> datetime | None:
    """When Evolution said so: its local time, which it calls UTC, so no use but to compare."""
    written = text(notice.body.get("date_time"))
    try:
        told = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return told if told is None or told.tzinfo else told.replace(tzinfo=UTC)


def qr_code(notice: Notice) -> list[Said]:
    """QRCODE_UPDATED: a new code every 45 s, until the limit ends the attempt."""
    data = mapping(notice.data)
    shown = mapping(data.get("qrcode"))
    image = first_text(shown, "base64")
    qr = Qr(
        code=text(shown.get("code")),
        image=image if image is None or image.startswith(_IMAGE) else f"{_PNG}{image}",
        pairing_code=text(shown.get("pairingCode")),
    )
    if qr.code or qr.image or qr.pairing_code:
        event = QrCodeRefreshed(
            integration_id=notice.integration,
            pairing_code=qr.pairing_code,
            count=size(shown.get("count")),
        )
        return [Observation(event, qr=qr, told_at=_told_at(notice))]
    if "qrcode" not in data and (data.get("message") or data.get("statusCode")):
        return [_changed(notice, ConnectionState.REFUSED, _REFUSED)]
    return [Ignored("there is no QR code yet")]
