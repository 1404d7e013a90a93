"""What really left the Evolution stand-in, and how it is set up to behave."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sandbox.control.access import InEvolution
from sandbox.control.orders import AckPlanOrder, NumbersOrder
from sandbox.evolution.service import AckPlan
from sandbox.settings import AckStep
from sandbox.wire import Json

door = APIRouter(prefix="/_sandbox/evolution", tags=["evolution"])


@door.get("/instances")
async def instances(evolution: InEvolution) -> list[Json]:
    """List the instances with what they keep to themselves."""
    return [
        instance.row()
        | {
            "socket_dead": instance.socket_dead,
            "doomed": instance.doomed,
            "qr": instance.qr.answer() if instance.qr else None,
            "webhook": instance.webhook.row(instance.id) if instance.webhook else None,
            "settings": instance.settings,
            "presences": instance.presences,
        }
        for instance in evolution.instances.values()
    ]


@door.get("/sent")
async def sent(evolution: InEvolution, instance: str | None = None, since: int = 0) -> list[Json]:
    """List every message that a send call really sent, after sequence number `since`."""
    return [
        message.row()
        for message in evolution.sent
        if message.seq > since and instance in {None, message.instance}
    ]


@door.get("/acts")
async def acts(evolution: InEvolution, instance: str | None = None) -> list[Json]:
    """List the edits, deletions and read marks that really reached WhatsApp."""
    return [act for act in evolution.acts if instance in {None, act["instance"]}]


@door.delete("/sent")
async def forget_sent(evolution: InEvolution) -> Json:
    """Empty the list; sequence numbers go on."""
    count = len(evolution.sent)
    evolution.sent.clear()
    return {"forgotten": count}


@door.get("/webhooks")
async def webhooks(
    evolution: InEvolution, instance: str | None = None, event: str | None = None
) -> dict[str, Any]:
    """Show counters, and the last deliveries with attempts and statuses."""
    journal = evolution.courier.journal
    return {**journal.summary(), "deliveries": journal.recent(instance, event)}


@door.delete("/webhooks")
async def forget_webhooks(evolution: InEvolution) -> Json:
    """Empty the journal of deliveries."""
    evolution.courier.journal.clear()
    return {"status": "cleared"}


@door.post("/acks")
async def plan_acks(order: AckPlanOrder, evolution: InEvolution) -> Json:
    """Say which levels sends reach by themselves."""
    steps: tuple[AckStep, ...] = ()
    if order.enabled:
        steps = evolution.settings.auto_acks
        if order.steps is not None:
            steps = tuple(AckStep(step.status, step.seconds) for step in order.steps)
    evolution.acks = AckPlan(steps, order.repeat_after)
    return {"steps": [{"status": step.status, "seconds": step.seconds} for step in steps]}


@door.post("/numbers")
async def numbers(order: NumbersOrder, evolution: InEvolution) -> dict[str, object]:
    """Say who has WhatsApp, and under which address."""
    for number in order.missing:
        evolution.directory.remove(number)
    for number in order.present:
        evolution.directory.restore(number)
    for number, known_as in order.known_as.items():
        evolution.directory.rename(number, known_as)
    return evolution.directory.row()
