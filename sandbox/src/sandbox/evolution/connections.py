"""The life of a connection: QR code, open, transient loss, logout, storm; each with its events."""

from __future__ import annotations

import asyncio

import orjson

from sandbox.evolution import qr
from sandbox.evolution.events import now_iso
from sandbox.evolution.service import Evolution
from sandbox.evolution.state import BAILEYS, Disconnection, Instance, QrCode
from sandbox.wire import Json

QR_LIMIT = 30
PICTURE = "https://pps.whatsapp.net/v/sandbox.jpg"
LOGGED_OUT = 401
CLOSE_REASONS = frozenset({401, 402, 403, 406})
_REASON_TEXT = {
    401: "Stream Errored (conflict)",
    402: "Stream Errored (payment required)",
    403: "Stream Errored (forbidden)",
    406: "Stream Errored (not acceptable)",
}


def connect(evolution: Evolution, instance: Instance, number: str | None = None) -> None:
    """Start the socket of a closed instance and show the first QR code."""
    instance.epoch += 1
    instance.state = "connecting"
    instance.socket_dead = False
    instance.qr = None
    instance.load_webhook_flags()
    _tell_connecting(evolution, instance)
    show_qr(evolution, instance, number)


def show_qr(evolution: Evolution, instance: Instance, number: str | None = None) -> None:
    """Show the next QR code and plan the one after it; at the limit the attempt ends."""
    count = instance.qr.count + 1 if instance.qr else 1
    if count > QR_LIMIT:
        refuse(evolution, instance)
        return
    code = f"2@{evolution.ids.letters(12)},{evolution.ids.letters(24)},{evolution.ids.letters(24)}"
    pairing = evolution.ids.letters(8) if number else None
    if instance.qr is not None and pairing is None and instance.qr.pairing_code:
        pairing = instance.qr.pairing_code
    instance.qr = QrCode(code, qr.picture(code), pairing, count)
    picture = instance.qr.answer()
    del picture["count"]
    data = {"qrcode": {"instance": instance.name, **picture}}
    evolution.courier.in_order(
        instance, lambda: evolution.courier.emit(instance, "QRCODE_UPDATED", data)
    )
    _plan_refresh(evolution, instance)


def scan(
    evolution: Evolution,
    instance: Instance,
    *,
    number: str | None = None,
    profile_name: str | None = None,
) -> None:
    """Act as if the owner scanned the code: WhatsApp restarts the stream, then it is open."""
    digits = number or instance.number or f"5511{90000_0000 + len(evolution.instances):09d}"
    instance.sender = instance.sender if number is None and instance.sender else None
    instance.sender = instance.sender or f"{digits}@s.whatsapp.net"
    instance.profile_name = profile_name or instance.profile_name or f"Profile {instance.name}"
    instance.profile_picture = PICTURE
    _tell_connecting(evolution, instance)
    opened(evolution, instance)


def opened(evolution: Evolution, instance: Instance) -> None:
    """Open the connection and say so."""
    instance.epoch += 1
    instance.state = "open"
    instance.socket_dead = False
    instance.qr = None
    instance.disconnection = None
    instance.load_webhook_flags()
    data = {
        "instance": instance.name,
        "wuid": instance.sender,
        "profileName": instance.profile_name,
        "profilePictureUrl": instance.profile_picture,
        "state": "open",
        "statusReason": 200,
    }
    _tell(evolution, instance, data)


def close(evolution: Evolution, instance: Instance, reason: int = LOGGED_OUT) -> None:
    """Log the instance out: it has to be scanned again. Three events, in no order."""
    instance.epoch += 1
    instance.state = "close"
    instance.qr = None
    text = _REASON_TEXT.get(reason, "Stream Errored")
    at = evolution.now()
    boom = {"statusCode": reason, "payload": {"statusCode": reason, "message": text}}
    details = {"error": {"message": text, "output": boom}, "date": now_iso(at)}
    instance.disconnection = Disconnection(reason, at, orjson.dumps(details).decode())
    status = {
        "instance": instance.name,
        "status": "closed",
        "disconnectionAt": now_iso(at),
        "disconnectionReasonCode": reason,
        "disconnectionObject": instance.disconnection.details,
    }
    evolution.courier.emit(instance, "STATUS_INSTANCE", status)
    evolution.courier.emit(instance, "LOGOUT_INSTANCE", None)
    _tell(
        evolution, instance, {"instance": instance.name, "state": "close", "statusReason": reason}
    )


def lose_socket(instance: Instance) -> None:
    """Let the socket die unnoticed: the state still says open, no event tells."""
    instance.socket_dead = True


def transient(evolution: Evolution, instance: Instance, seconds: float = 0) -> None:
    """Lose the connection and get it back: connecting, then open; no close is ever told."""
    instance.epoch += 1
    instance.state = "connecting"
    _tell_connecting(evolution, instance)
    epoch = instance.epoch

    def back() -> None:
        if instance.epoch == epoch:
            opened(evolution, instance)

    if seconds:
        evolution.background.later(seconds, back)
    else:
        back()


def refuse(evolution: Evolution, instance: Instance) -> None:
    """Give up showing codes: the error in the QR event and the state refused, only there."""
    instance.epoch += 1
    instance.state = "close"
    instance.qr = None
    message: Json = {"message": "QR code limit reached, please login again", "statusCode": 500}
    data: Json = {"instance": instance.name, "state": "refused", "statusReason": 428}
    if instance.sender is not None:
        data["wuid"] = instance.sender
        data["profileName"] = instance.profile_name
        data["profilePictureUrl"] = instance.profile_picture
    evolution.courier.emit(instance, "QRCODE_UPDATED", message)
    _tell(evolution, instance, data)


async def storm(evolution: Evolution, instance: Instance, count: int) -> None:
    """Say connecting `count` times, as 2.3 does while WhatsApp is out of reach."""
    for told in range(count):
        _tell_connecting(evolution, instance)
        if told % 50 == 49:
            await asyncio.sleep(0)


def is_always_open(instance: Instance) -> bool:
    """Whether the channel has no socket of its own."""
    return instance.integration != BAILEYS


def _plan_refresh(evolution: Evolution, instance: Instance) -> None:
    epoch = instance.epoch

    def refresh() -> None:
        if instance.epoch == epoch and instance.state == "connecting":
            show_qr(evolution, instance)

    evolution.background.later(evolution.settings.qr_refresh_seconds, refresh)


def _tell_connecting(evolution: Evolution, instance: Instance) -> None:
    _tell(
        evolution,
        instance,
        {"instance": instance.name, "state": "connecting", "statusReason": 200},
    )


def _tell(evolution: Evolution, instance: Instance, data: Json) -> None:
    evolution.courier.in_order(
        instance, lambda: evolution.courier.emit(instance, "CONNECTION_UPDATE", data)
    )
