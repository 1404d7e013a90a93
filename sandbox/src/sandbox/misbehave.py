"""How a fault of any provider is acted out around the work of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson

from sandbox.faults import FaultSpec
from sandbox.wire import Hang, HangUp, Outcome, Reply

Work = Callable[[], Awaitable[Outcome]]


async def act_out(fault: FaultSpec, work: Work, default_body: Callable[[int], object]) -> Outcome:
    """Do the call wrongly.

    Args:
        fault: one of the faults that every provider has.
        work: does the call properly and returns its answer.
        default_body: the provider's usual body for a status, when the fault names none.
    """
    match fault.fault:
        case "delay":
            await asyncio.sleep(fault.seconds or 0)
            return await work()
        case "refuse":
            return HangUp(refused=True)
        case "drop_before":
            return HangUp()
        case "hang":
            return Hang(fault.seconds)
        case "status":
            return _scripted(fault, default_body)
        case _:
            return await _after(fault, work, default_body)


async def _after(fault: FaultSpec, work: Work, default_body: Callable[[int], object]) -> Outcome:
    answer = await work()
    match fault.fault:
        case "drop_after":
            await asyncio.sleep(fault.seconds or 0)
            return HangUp()
        case "hang_after":
            return Hang(fault.seconds)
        case "status_after":
            return _scripted(fault, default_body)
        case _:
            status = answer.status if isinstance(answer, Reply) else 200
            return Reply(status, b"<html>upstream sent nonsense", content_type=b"text/html")


def _scripted(fault: FaultSpec, default_body: Callable[[int], object]) -> Reply:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if fault.retry_after is not None:
        headers = ((b"retry-after", f"{fault.retry_after:g}".encode()),)
    status = fault.status or 500
    body = default_body(status) if fault.body is None else fault.body
    return Reply(status, orjson.dumps(body), headers)
