"""Runs the stack in the foreground until Ctrl-C, a signal, or the death of a child."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from devstack import session as sessions
from devstack import stack
from devstack.errors import StackError
from devstack.places import Places
from devstack.screen import Screen
from devstack.session import Session
from devstack.supervisor import Supervisor

Play = Callable[[Session], Awaitable[int]]
"""What to do while the stack runs; its result is the exit code."""

T = TypeVar("T")

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(places: Places, screen: Screen, play: Play | None = None) -> int:
    """Start the stack, play, stop it; without a play it stays up until somebody ends it.

    Raises:
        StackError: it cannot be started, or a child ended by itself.
    """
    supervisor = Supervisor()
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("run() must be awaited from a task")
    loop = asyncio.get_running_loop()
    for end in _ENDS:
        loop.add_signal_handler(end, task.cancel)
    with sessions.alone(places):
        try:
            return await _run(places, screen, supervisor, play)
        except asyncio.CancelledError:
            return 0 if play is None else 130
        finally:
            for end in _ENDS:
                loop.add_signal_handler(end, lambda: None)  # one Ctrl-C is enough: we are at it
            screen.tell("stopping")
            supervisor.stop_all()
            sessions.retire(places)


async def _run(places: Places, screen: Screen, supervisor: Supervisor, play: Play | None) -> int:
    began = time.monotonic()
    screen.tell("starting the suite")
    session = await _until_a_death(supervisor, stack.start(places, screen, supervisor))
    screen.tell(f"ready in {time.monotonic() - began:.1f} s")
    if play is None:
        _show(places, screen, session)
    forever: asyncio.Future[int] = asyncio.Future()
    return await _until_a_death(supervisor, play(session) if play else forever)


async def _until_a_death(supervisor: Supervisor, work: Awaitable[T]) -> T:
    """Do the work, but stop when a child ends by itself: nothing after that could be trusted."""
    death = asyncio.ensure_future(supervisor.wait_for_a_death())
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait({death, working}, return_when=asyncio.FIRST_COMPLETED)
        if death.done() and not working.done():
            raise StackError(death.result().obituary())
        return working.result()
    finally:
        death.cancel()
        working.cancel()
        await asyncio.gather(death, working, return_exceptions=True)


def _show(places: Places, screen: Screen, session: Session) -> None:
    screen.tell()
    screen.tell(f"  public API   {session.url('gateway')}, described at /api/openapi.json")
    screen.tell(f"  sandbox      {session.url('sandbox')}")
    address = session.environment["KAFKA_BOOTSTRAP_SERVERS"]
    broker = address if session.broker == "kafka" else "none: the services share one process"
    screen.tell(f"  broker       {broker}")
    screen.tell(f"  logs         {places.logs}")
    screen.tell()
    screen.tell("In another terminal, the suite's environment and a first tenant with its key:")
    screen.tell('  eval "$(.venv/bin/python -m devstack env)"')
    screen.tell('  .venv/bin/python -m gateway_service tenants create "My shop"')
    screen.tell()
    screen.tell("Ctrl-C stops everything.")
