"""The control door's Evolution part: the phone, the customers, WhatsApp itself."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, HTTPException

from sandbox.control.access import InEvolution
from sandbox.control.orders import (
    AckOrder,
    BatchOrder,
    CloseOrder,
    EditOrder,
    EventOrder,
    RevokeOrder,
    ScanOrder,
    StormOrder,
    TransientOrder,
)
from sandbox.evolution import connections
from sandbox.evolution.acks import acknowledge
from sandbox.evolution.inbound import edit, receive, revoke
from sandbox.evolution.inbound_order import InboundOrder
from sandbox.evolution.mailbox import StoredMessage
from sandbox.evolution.service import Evolution
from sandbox.evolution.state import Instance
from sandbox.wire import Json

door = APIRouter(prefix="/_sandbox/evolution", tags=["evolution"])

_YIELD_EVERY = 50


@door.post("/instances/{name}/scan")
async def scan(name: str, evolution: InEvolution, order: ScanOrder | None = None) -> Json:
    """Let a phone scan the QR code: connecting, then open."""
    instance = _instance(evolution, name)
    if instance.state != "connecting":
        raise HTTPException(409, f"{name} shows no code; its state is {instance.state}")
    order = order or ScanOrder()
    connections.scan(evolution, instance, number=order.number, profile_name=order.profile_name)
    return instance.state_answer() | {"wuid": instance.sender}


@door.post("/instances/{name}/close")
async def close(name: str, evolution: InEvolution, order: CloseOrder | None = None) -> Json:
    """Log the instance out, or let its socket die unnoticed."""
    instance = _instance(evolution, name)
    reason = (order or CloseOrder()).reason
    if isinstance(reason, int):
        connections.close(evolution, instance, reason)
    else:
        connections.lose_socket(instance)
    return instance.state_answer() | {"socket_dead": instance.socket_dead}


@door.post("/instances/{name}/transient")
async def transient(name: str, evolution: InEvolution, order: TransientOrder | None = None) -> Json:
    """Lose the connection and get it back, without any close."""
    instance = _instance(evolution, name)
    if instance.sender is None:
        raise HTTPException(409, f"{name} was never open")
    connections.transient(evolution, instance, (order or TransientOrder()).seconds)
    return instance.state_answer()


@door.post("/instances/{name}/storm")
async def storm(name: str, evolution: InEvolution, order: StormOrder | None = None) -> Json:
    """Tell connecting very often."""
    count = (order or StormOrder()).count
    await connections.storm(evolution, _instance(evolution, name), count)
    return {"told": count}


@door.post("/instances/{name}/refuse")
async def refuse(name: str, evolution: InEvolution) -> Json:
    """Reach the limit of QR codes."""
    instance = _instance(evolution, name)
    connections.refuse(evolution, instance)
    return instance.state_answer()


@door.post("/instances/{name}/inbound", status_code=201)
async def inbound(name: str, order: InboundOrder, evolution: InEvolution) -> Json:
    """Let somebody write."""
    return {"message_id": receive(evolution, _open(evolution, name), order)}


@door.post("/instances/{name}/inbound-batch", status_code=201)
async def inbound_batch(name: str, order: BatchOrder, evolution: InEvolution) -> Json:
    """Let many people write; answers when the last one has."""
    instance = _open(evolution, name)
    ids = []
    loop = asyncio.get_running_loop()
    started = loop.time()
    for index, message in enumerate(order.messages):
        if order.rate is not None:
            await asyncio.sleep(max(0.0, started + index / order.rate - loop.time()))
        elif index % _YIELD_EVERY == _YIELD_EVERY - 1:
            await asyncio.sleep(0)
        ids.append(receive(evolution, instance, message))
    return {"message_ids": ids}


@door.post("/instances/{name}/edit")
async def edit_message(name: str, order: EditOrder, evolution: InEvolution) -> Json:
    """Let the customer change a message."""
    instance = _instance(evolution, name)
    edit(evolution, instance, _message(instance, order.message_id), order.text)
    return {"message_id": order.message_id}


@door.post("/instances/{name}/revoke")
async def revoke_message(name: str, order: RevokeOrder, evolution: InEvolution) -> Json:
    """Let the customer take a message back."""
    instance = _instance(evolution, name)
    revoke(evolution, instance, _message(instance, order.message_id))
    return {"message_id": order.message_id}


@door.post("/instances/{name}/ack")
async def ack(name: str, order: AckOrder, evolution: InEvolution) -> Json:
    """Let a message reach a level."""
    instance = _instance(evolution, name)
    acknowledge(evolution, instance, _message(instance, order.key_id), order.status)
    return {"key_id": order.key_id, "status": order.status}


@door.post("/instances/{name}/event")
async def event(name: str, order: EventOrder, evolution: InEvolution) -> Json:
    """Tell any event with any data."""
    evolution.courier.emit(_instance(evolution, name), order.event, order.data, **order.top)
    return {"event": order.event}


def _instance(evolution: Evolution, name: str) -> Instance:
    instance = evolution.instances.get(name)
    if instance is None:
        names = ", ".join(sorted(evolution.instances)) or "none"
        raise HTTPException(404, f"no instance {name!r}; there are: {names}")
    return instance


def _open(evolution: Evolution, name: str) -> Instance:
    instance = _instance(evolution, name)
    if instance.state != "open":
        raise HTTPException(409, f"{name} is {instance.state}; nothing can arrive before a scan")
    return instance


def _message(instance: Instance, key_id: str) -> StoredMessage:
    message = instance.mailbox.get(key_id)
    if message is None:
        raise HTTPException(404, f"{instance.name} stored no message {key_id!r}")
    return message
