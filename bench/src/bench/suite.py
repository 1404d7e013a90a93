"""The whole suite as processes on a bench's ground, and the little a driver needs to use it."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from bench.ground import Ground
from devstack.children import Child
from devstack.environment import argv
from devstack.polling import until

SERVICES = ("gateway", "whatsapp", "agent")
_IN_HAND = """
    select (select count(*) from outbox)
         + (select coalesce(sum(pending), 0) from lane where queue in ('turns', 'sends'))"""
"""What waits for another day, such as the end of a person's time, is none of it."""


@dataclass(slots=True)
class Suite:
    """The suite, its children and one tenant in it."""

    ground: Ground
    api: httpx2.AsyncClient
    sandbox: httpx2.AsyncClient
    children: list[Child] = field(default_factory=list)

    @property
    def webhook_url(self) -> str:
        """The shared webhook route."""
        return f"{self.ground.addresses.url('gateway')}/api/webhook/evolution"

    @property
    def webhook_headers(self) -> dict[str, str]:
        """What proves that Evolution calls."""
        secret = self.ground.environment("gateway")["GATEWAY_WEBHOOK_SECRET"]
        return {"X-Webhook-Secret": secret, "Content-Type": "application/json"}

    async def door(self, method: str, path: str, **options: Any) -> Any:
        """Use the sandbox's control door."""
        response = await self.sandbox.request(method, path, **options)
        response.raise_for_status()
        return response.json() if response.content else None

    async def open_account(self) -> None:
        """Make a tenant and use its key from now on."""
        process = await asyncio.create_subprocess_exec(
            *argv("gateway", "tenants", "create", "Bench", "--json"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self.ground.environment("gateway")},
        )
        out, _ = await process.communicate()
        self.api.headers["Authorization"] = f"Bearer {json.loads(out)['api_key']}"

    async def connect_number(self, settings: dict[str, Any]) -> str:
        """Make an agent, connect a number to it and scan its code; gives the instance's name."""
        made = await self._call("POST", "/api/agents", json={"name": "B", "settings": settings})
        channel = f"/api/agents/{made['id']}/channels/evolution"
        number: str = (await self._call("POST", f"{channel}/connect"))["instance"]
        await self.door("POST", f"/_sandbox/evolution/instances/{number}/scan")

        async def opened() -> bool:
            return bool((await self._call("GET", f"{channel}/status"))["state"] == "open")

        async with asyncio.timeout(30):
            await until(opened, every=0.1)
        return number

    async def sent(self, count: int, *, within: float = 60) -> list[dict[str, Any]]:
        """Wait until WhatsApp was asked to send that many messages, and list them."""
        async with asyncio.timeout(within):
            while True:
                found: list[dict[str, Any]] = await self.door("GET", "/_sandbox/evolution/sent")
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.2)

    async def write(self, number: str, phone: str, text: str, *, name: str = "Ana") -> None:
        """Let a customer write to a number."""
        order = {"from": phone, "text": text, "name": name}
        await self.door("POST", f"/_sandbox/evolution/instances/{number}/inbound", json=order)

    async def at_rest(self, *, within: float = 60) -> None:
        """Wait until neither service has anything left to publish, to answer or to send."""

        async def idle() -> bool:
            return not any([await self.ground.ask(one, _IN_HAND) for one in ("agent", "whatsapp")])

        async with asyncio.timeout(within):
            await until(idle, every=0.1)

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = await self.api.request(method, path, **options)
        if not response.is_success:
            raise RuntimeError(f"{method} {path} answered {response.status_code}: {response.text}")
        found: dict[str, Any] = response.json()
        return found


@asynccontextmanager
async def suite(ground: Ground, **of_sandbox: str) -> AsyncGenerator[Suite]:
    """Start gateway, whatsapp, agent and the sandbox, with one tenant."""
    await ground.migrate(*SERVICES)
    sandbox = await ground.start_sandbox(**{"SANDBOX_RETRY_SCALE": "0.05", **of_sandbox})
    children = list(await asyncio.gather(*(ground.start(one, "all") for one in SERVICES)))
    async with (
        httpx2.AsyncClient(base_url=ground.addresses.url("gateway"), timeout=60) as api,
        httpx2.AsyncClient(base_url=ground.addresses.url("sandbox"), timeout=30) as door,
    ):
        running = Suite(ground, api, door, children)
        await running.open_account()
        yield running
    for child in [*children, sandbox]:
        child.stop()
