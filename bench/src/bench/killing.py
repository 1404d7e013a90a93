"""Workers that are killed with SIGKILL while others work, and come back."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.ground import Ground
from bench.suite import Suite
from devstack.children import Child
from devstack.ports import free_port


@dataclass(slots=True)
class Victim:
    """A process that is killed, and how to bring it back."""

    name: str
    start: Callable[[], Any]
    child: Child | None = None
    kills: int = 0


async def kill_until(done: asyncio.Event, victims: list[Victim], pause: float) -> None:
    """Kill one after the other, at most two of them being away at once."""
    async with asyncio.TaskGroup() as returning:
        while not done.is_set():
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)
            there = [victim for victim in victims if victim.child is not None]
            if len(there) > len(victims) - 2 and not done.is_set():
                returning.create_task(_kill(random.choice(there)))


async def _kill(victim: Victim) -> None:
    child, victim.child = victim.child, None
    if child is None:
        return
    child.process.kill()
    await asyncio.to_thread(child.process.wait)
    victim.kills += 1
    print(f"    killed {victim.name}", flush=True)
    victim.child = await victim.start()


@asynccontextmanager
async def victims_of(place: Ground, running: Suite) -> AsyncGenerator[list[Victim]]:
    """Add a second worker to each service, and make all of them killable."""
    ports = {name: free_port(taken=place.addresses.ports.values()) for name in ("w2", "a2")}

    def again(service: str, verb: str, name: str, port: int) -> Callable[[], Any]:
        return lambda: place.start(service, verb, name=name, port=port)

    at = place.addresses.ports
    first = {child.name.partition("-")[0]: child for child in running.children}
    victims = [
        Victim(f"{one} 1", again(one, "all", f"{one}-1", at[one]), first[one])
        for one in ("gateway", "whatsapp", "agent")
    ]
    victims += [
        Victim("whatsapp 2", again("whatsapp", "worker", "whatsapp-2", ports["w2"])),
        Victim("agent 2", again("agent", "worker", "agent-2", ports["a2"])),
    ]
    for victim in victims:
        if victim.child is None:
            victim.child = await victim.start()
    yield victims
    for victim in victims:
        if victim.child is not None:
            victim.child.stop(30)
