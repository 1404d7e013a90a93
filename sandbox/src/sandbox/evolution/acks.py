"""Acknowledgements: the levels a message reaches, told by MESSAGES_UPDATE."""

from __future__ import annotations

from sandbox.evolution.jids import is_group
from sandbox.evolution.mailbox import StoredMessage
from sandbox.evolution.service import Evolution
from sandbox.evolution.state import BUSINESS, EVOLUTION, Instance
from sandbox.faults import ACK_FAULTS, FaultSpec, Point
from sandbox.wire import Json

STATUSES = ("PENDING", "SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED", "ERROR", "DELETED")
_CLOUD = {
    "SERVER_ACK": "SENT",
    "DELIVERY_ACK": "DELIVERED",
    "READ": "READ",
    "PLAYED": "READ",
    "ERROR": "FAILED",
}
_ERROR_AFTER_SECONDS = 0.05


def acknowledge(
    evolution: Evolution, instance: Instance, message: StoredMessage, status: str
) -> None:
    """Tell that a message reached a level; groups and the EVOLUTION channel are never told."""
    jid = message.key["remoteJid"]
    if is_group(jid) or instance.integration == EVOLUTION:
        return
    message.statuses.append(status)
    cloud = instance.integration == BUSINESS
    data: Json = {
        "keyId": message.key["id"],
        "remoteJid": jid,
        # The Cloud API channel says false for our own sends.
        "fromMe": False if cloud else message.key["fromMe"],
        "status": _CLOUD.get(status, status) if cloud else status,
        "instanceId": instance.id,
        "messageId": message.row_id,
    }
    evolution.courier.in_order(
        instance, lambda: evolution.courier.emit(instance, "MESSAGES_UPDATE", data)
    )


def plan(evolution: Evolution, instance: Instance, message: StoredMessage, point: Point) -> None:
    """Let a sent message reach its levels by itself, as the plan and the faults say."""
    fault = evolution.faults.take(point, ACK_FAULTS) if evolution.faults else None
    if fault is not None:
        _misbehave(evolution, instance, message, fault)
        return
    repeat = evolution.acks.repeat_after
    for step in evolution.acks.steps:
        _later(evolution, instance, message, (step.seconds, step.status))
        if repeat is not None:
            _later(evolution, instance, message, (step.seconds + repeat, step.status))


def _misbehave(
    evolution: Evolution, instance: Instance, message: StoredMessage, fault: FaultSpec
) -> None:
    if fault.fault == "ack_error":
        after = _ERROR_AFTER_SECONDS if fault.seconds is None else fault.seconds
        _later(evolution, instance, message, (after, "ERROR"))


def _later(
    evolution: Evolution, instance: Instance, message: StoredMessage, step: tuple[float, str]
) -> None:
    seconds, status = step
    evolution.background.later(seconds, lambda: acknowledge(evolution, instance, message, status))
