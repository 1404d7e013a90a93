"""On a real socket: what was sent, what was not, and what nobody knows."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from common.errors import OutcomeUnknown, ParleyError, TimedOut, Unavailable
from common.http import ApiClient, ApiProfile, RetryPolicy, open_wire

Failing = Callable[[Awaitable[object]], Awaitable[ParleyError]]
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(behaviour: Behaviour) -> AsyncGenerator[str]:
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        with suppress(asyncio.CancelledError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            await behaviour(reader, writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers)


@asynccontextmanager
async def client_of(base_url: str, seconds: float = 5.0) -> AsyncGenerator[ApiClient]:
    async with open_wire() as wire:
        yield ApiClient(
            wire,
            ApiProfile("acme", base_url, timeout=seconds, retry=RetryPolicy(attempts=1)),
        )


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    await writer.drain()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_an_answer_arrives() -> None:
    async with server(answers) as url, client_of(url) as client:
        assert (await client.request("POST", "/x", json={})).json() == {}


async def test_a_closed_port_means_that_nothing_was_sent(failing: Failing) -> None:
    async with server(answers) as url:
        pass
    async with client_of(url) as client:
        assert type(await failing(client.request("POST", "/x"))) is Unavailable


@pytest.mark.parametrize("behaviour", [hangs_up, never_answers, drips])
async def test_no_whole_answer_to_a_post_is_an_unknown_outcome(
    failing: Failing, behaviour: Behaviour
) -> None:
    async with server(behaviour) as url, client_of(url, seconds=0.3) as client:
        assert type(await failing(client.request("POST", "/x", json={}))) is OutcomeUnknown


async def test_a_server_that_drips_for_ever_is_cut_off_by_the_whole_attempts_time(
    failing: Failing,
) -> None:
    async with server(drips) as url, client_of(url, seconds=0.3) as client:
        assert type(await failing(client.request("GET", "/x"))) is TimedOut
