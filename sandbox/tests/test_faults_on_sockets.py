"""Faults as a client on a real connection sees them, and what a send costs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
import pytest

from sandbox.app import Sandbox, create_app
from sandbox.settings import Settings
from sandbox.testing import eventually, serving

ANA = "5511988880001"
BODY = {"number": ANA, "text": "hello"}


async def arm(door: httpx2.AsyncClient, fault: str, **more: Any) -> None:
    order = {"provider": "evolution", "call": "sendText", "fault": fault, **more}
    answer = await door.post("/faults", json=order)
    assert answer.status_code == 201, answer.text


async def sent(door: httpx2.AsyncClient) -> int:
    return len((await door.get("/evolution/sent")).json())


class RealServer:
    """A served sandbox with one open instance."""

    def __init__(self, url: str, app: Sandbox) -> None:
        key = {"apikey": app.world.settings.evolution_api_key}
        self.client = httpx2.AsyncClient(base_url=url, headers=key, timeout=5)
        self.evolution = app.world.evolution

    async def prepare(self) -> None:
        body = {"instanceName": "loja", "integration": "WHATSAPP-BAILEYS", "qrcode": True}
        await self.client.post("/evolution/instance/create", json=body)
        await self.client.post("/_sandbox/evolution/instances/loja/scan")

    async def arm(self, fault: str, **more: Any) -> None:
        order = {"provider": "evolution", "call": "sendText", "fault": fault, **more}
        answer = await self.client.post("/_sandbox/faults", json=order)
        assert answer.status_code == 201, answer.text

    async def send(self, **options: Any) -> httpx2.Response:
        return await self.client.post("/evolution/message/sendText/loja", json=BODY, **options)


@pytest.mark.parametrize(("fault", "effects"), [("drop_after", 1), ("drop_before", 0)])
async def test_a_real_client_sees_a_disconnect_and_no_500(fault: str, effects: int) -> None:
    app = create_app(Settings(connect_scale=0))
    async with serving(app) as url:
        server = RealServer(url, app)
        async with server.client:
            await server.prepare()
            await server.arm(fault)
            with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
                await server.send()
            assert len(server.evolution.sent) == effects
            assert (await server.send()).status_code == 201


async def test_a_hanging_call_ends_when_the_client_gives_up() -> None:
    app = create_app(Settings(connect_scale=0))
    async with serving(app) as url:
        server = RealServer(url, app)
        async with server.client:
            await server.prepare()
            await server.arm("hang_after")
            with pytest.raises(httpx2.ReadTimeout):
                await server.send(timeout=0.1)
            assert len(server.evolution.sent) == 1


async def test_a_client_that_gives_up_does_not_stop_a_delayed_send() -> None:
    app = create_app(Settings(connect_scale=0))
    async with serving(app) as url:
        server = RealServer(url, app)
        async with server.client:
            await server.prepare()
            await server.arm("delay", seconds=0.3)
            with pytest.raises(httpx2.ReadTimeout):
                await server.send(timeout=0.05)
            await eventually(lambda: len(server.evolution.sent) == 1)


async def test_a_send_costs_well_under_a_millisecond() -> None:
    app = create_app(Settings(connect_scale=0, auto_acks=()))
    transport = httpx2.ASGITransport(app=app)
    key = {"apikey": app.world.settings.evolution_api_key}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=key
    ) as client:
        server = RealServer("http://unused", app)
        await server.client.aclose()
        server.client = client
        await server.prepare()
        body = b'{"number":"5511988880001","text":"hello"}'

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            await asyncio.sleep(0)

        headers = [(b"apikey", key["apikey"].encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/evolution/message/sendText/loja",
            "query_string": b"",
            "headers": headers,
        }
        started = time.process_time()
        for _ in range(500):
            await app(scope, receive, send)
        spent = (time.process_time() - started) / 500

    assert len(app.world.evolution.sent) == 500
    assert spent < 0.001, f"{spent * 1e6:.0f} µs per send"
