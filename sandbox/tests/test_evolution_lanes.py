"""A receiver that hangs does not keep other events from leaving."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from sandbox.app import create_app
from sandbox.settings import Settings
from sandbox.testing import eventually
from sandbox.wire import Reply, read_call

HANGING = 30


class Tarpit:
    """Never answers the first calls; the rest at once."""

    def __init__(self) -> None:
        self.begun = 0
        self.answered = 0
        self.end = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await read_call(scope, receive, scope["path"])
        self.begun += 1
        if self.begun <= HANGING:
            await self.end.wait()
        self.answered += 1
        await Reply(200, b"")(scope, receive, send)


async def test_thirty_hanging_calls_do_not_stop_the_next_one() -> None:
    tarpit = Tarpit()
    app = create_app(Settings(connect_scale=0), webhook_transport=httpx2.ASGITransport(app=tarpit))
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://sandbox",
        headers={"apikey": app.world.settings.evolution_api_key},
    )
    async with client:
        hook = {"url": "http://gateway/hooks", "events": ["MESSAGES_UPSERT"]}
        body = {"instanceName": "e", "integration": "EVOLUTION", "webhook": hook}
        await client.post("/evolution/instance/create", json=body)
        order = {"messages": [{"from": "5511988880001"}] * (HANGING + 1)}
        await client.post("/_sandbox/evolution/instances/e/inbound-batch", json=order)
        await eventually(lambda: tarpit.answered == 1)

    assert tarpit.begun == HANGING + 1
    tarpit.end.set()
    await eventually(lambda: tarpit.answered == HANGING + 1)
    await app.world.aclose()
