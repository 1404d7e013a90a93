"""Several services may live in one event loop, and stop together."""

import asyncio
import socket
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from common.errors import InvalidInput
from common.service import ComponentDied, Health, Listen, Parts, create_app, serve
from common.testing.waiting import eventually


class Worker:
    """Runs until told; notes what happened."""

    def __init__(self, name: str, *, dies: bool = False, stuck: bool = False) -> None:
        self.name = name
        self.drained = False
        self._dies = dies
        self._stuck = stuck

    def not_ready(self) -> str | None:
        return None

    def stalled(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        if self._dies:
            raise ValueError(self.name)
        await stop.wait()
        if self._stuck:
            await asyncio.Event().wait()
        self.drained = True


def ports(logs: list[Any]) -> list[int]:
    return [entry["port"] for entry in logs if entry["event"] == "service.started"]


HERE = Listen("127.0.0.1", 0)


async def test_two_services_share_a_loop_and_stop_together() -> None:
    stop = asyncio.Event()
    workers = [Worker("one"), Worker("two")]
    with structlog.testing.capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                app = create_app(worker.name, "1", [])
                group.create_task(serve(Parts(app, [worker]), HERE, stop))
            await eventually(lambda: len(ports(logs)) == 2)
            async with httpx2.AsyncClient(trust_env=False) as client:
                for port in ports(logs):
                    assert await answers(client, f"http://127.0.0.1:{port}/readyz")
            stop.set()

    assert [worker.drained for worker in workers] == [True, True]


async def answers(client: httpx2.AsyncClient, url: str) -> bool:
    return (await client.get(url)).status_code == 200


async def test_the_death_of_one_stops_all_and_is_raised() -> None:
    stop = asyncio.Event()
    healthy = Worker("healthy")

    other = asyncio.ensure_future(serve(Parts(None, [healthy]), HERE, stop))

    with pytest.raises(ComponentDied, match="ill"):
        await serve(Parts(None, [Worker("ill", dies=True)]), HERE, stop)
    await other

    assert healthy.drained


async def test_a_component_that_will_not_stop_is_cut_off_and_named() -> None:
    stop = asyncio.Event()
    stop.set()
    patient = Worker("patient")

    with pytest.raises(ComponentDied, match="stubborn"):
        await serve(
            Parts(None, [Worker("stubborn", stuck=True), patient]), HERE, stop, drain_seconds=0.05
        )

    assert patient.drained


async def test_an_application_that_does_not_start_fails_the_process() -> None:
    def broken(_: FastAPI) -> Any:
        raise ValueError("no schema")

    with pytest.raises(ComponentDied, match="http"):
        await serve(Parts(create_app("toy", "1", [], lifespan=broken)), HERE, asyncio.Event())


async def test_a_wrapped_application_brings_its_own_health() -> None:
    stop = asyncio.Event()
    health = Health()
    with structlog.testing.capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            parts = Parts(PlainTextResponse("hello"), [Worker("one")], health)
            group.create_task(serve(parts, HERE, stop))
            await eventually(lambda: ports(logs))
            async with httpx2.AsyncClient(trust_env=False) as client:
                base = f"http://127.0.0.1:{ports(logs)[0]}"
                assert await answers(client, f"{base}/readyz")
                assert (await client.get(f"{base}/anything")).text == "hello"
            stop.set()

    assert health.draining


async def tells_no_delay(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer whether this connection sends small pieces at once."""
    # uvicorn's own: the cycle that holds the connection.
    cycle: Any = getattr(send, "__self__", None)
    accepted = cycle.transport.get_extra_info("socket")
    no_delay = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await PlainTextResponse(f"no delay: {bool(no_delay)}")(scope, receive, send)


async def test_small_answers_wait_for_nothing_under_plain_asyncio() -> None:
    stop = asyncio.Event()
    assert isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)
    with structlog.testing.capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(Parts(tells_no_delay, [], Health()), HERE, stop))
            await eventually(lambda: ports(logs))
            async with httpx2.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"http://127.0.0.1:{ports(logs)[0]}/any")
            stop.set()

    assert answer.text == "no delay: True"


async def test_a_port_in_use_is_a_sentence() -> None:
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]

    async with taken:
        with pytest.raises(InvalidInput, match=str(port)):
            await serve(Parts(), Listen("127.0.0.1", port), asyncio.Event())
