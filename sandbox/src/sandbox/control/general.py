"""The control door's general part: health, faults, reset."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

from sandbox.control.access import InWorld
from sandbox.evolution.events import BY_DOTTED, EVENTS
from sandbox.evolution.routes import CALL_NAMES as EVOLUTION_CALLS
from sandbox.faults import WEBHOOK_FAULTS, FaultSpec
from sandbox.openai.server import CALL_NAMES as OPENAI_CALLS
from sandbox.wire import Json

door = APIRouter(prefix="/_sandbox", tags=["general"])


@door.get("/health")
async def health(world: InWorld) -> Json:
    """Say that the sandbox is up."""
    return {
        "status": "ok",
        "instances": len(world.evolution.instances),
        "sent": len(world.evolution.sent),
        "openai_calls": world.openai.accepted,
    }


@door.post("/reset")
async def reset(world: InWorld) -> Json:
    """Forget everything: instances, messages, journals, scripts, faults."""
    world.reset()
    return {"status": "reset"}


@door.post("/faults", status_code=201)
async def arm(spec: FaultSpec, world: InWorld) -> dict[str, Any]:
    """Arm a fault."""
    return world.faults.add(_checked(spec)).row()


@door.get("/faults")
async def armed(world: InWorld) -> list[dict[str, Any]]:
    """List the faults and how often they struck."""
    return [fault.row() for fault in world.faults]


@door.delete("/faults")
async def disarm_all(world: InWorld) -> Json:
    """Disarm every fault."""
    world.faults.clear()
    return {"status": "cleared"}


@door.delete("/faults/{fault_id}")
async def disarm(fault_id: int, world: InWorld) -> Json:
    """Disarm one fault."""
    if not world.faults.remove(fault_id):
        raise HTTPException(404, f"no fault has the id {fault_id}")
    return {"status": "cleared"}


def _checked(spec: FaultSpec) -> FaultSpec:
    """Refuse a call or event name that the fault's place does not have."""
    if spec.call == "*":
        return spec
    if spec.fault in WEBHOOK_FAULTS:
        name = BY_DOTTED.get(spec.call, spec.call)
        if name not in EVENTS:
            raise HTTPException(422, f"no event {spec.call!r}; valid: *, {', '.join(EVENTS)}")
        return spec.model_copy(update={"call": name})
    names = EVOLUTION_CALLS if spec.provider == "evolution" else OPENAI_CALLS
    if spec.call not in names:
        raise HTTPException(422, f"no call {spec.call!r}; valid: *, {', '.join(sorted(names))}")
    return spec
