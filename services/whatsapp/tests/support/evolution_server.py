"""The real client in front of the strict Evolution, in process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from common.http import ApiClient, ApiProfile, open_wire
from sandbox.app import create_app
from sandbox.settings import Settings as SandboxSettings
from whatsapp_service.domain.ports import Parcel
from whatsapp_service.providers.evolution import (
    EvolutionArchive,
    EvolutionMessenger,
    EvolutionNumbers,
    WebhookAddress,
    raise_for,
)

ANA = "5511988880001@s.whatsapp.net"


@dataclass
class Server:
    """The stand-in, its control door, and the client in front of it."""

    door: httpx2.AsyncClient
    messenger: EvolutionMessenger
    numbers: EvolutionNumbers
    archive: EvolutionArchive

    async def sends(self, content: Any, **more: Any) -> dict[str, Any]:
        """Send a content and give the body that the server was sent."""
        await self.messenger.send(Parcel("loja", ANA, content, **more))
        [*_, row] = (await self.door.get("/evolution/sent")).json()
        body: dict[str, Any] = row["body"]
        return body

    async def answers(self, status: int, body: Any) -> None:
        """Give the next call this answer, and nothing else."""
        order = {"provider": "evolution", "fault": "status", "status": status, "body": body}
        (await self.door.post("/faults", json=order)).raise_for_status()


@asynccontextmanager
async def evolution_server() -> AsyncGenerator[Server]:
    """Serve one number, `loja`, that is open."""
    settings = SandboxSettings(connect_scale=0, delay_scale=0)
    transport = httpx2.ASGITransport(create_app(settings))
    profile = ApiProfile(
        provider="evolution",
        base_url="http://sandbox/evolution",
        headers={"apikey": settings.evolution_api_key},
        raise_for=raise_for,
    )
    async with (
        open_wire(transport=transport) as wire,
        httpx2.AsyncClient(transport=transport, base_url="http://sandbox/_sandbox") as door,
    ):
        api = ApiClient(wire, profile)
        order = {"instanceName": "loja", "integration": "WHATSAPP-BAILEYS", "qrcode": True}
        await api.request("POST", "/instance/create", json=order)
        (await door.post("/evolution/instances/loja/scan", json={})).raise_for_status()
        address = WebhookAddress("http://gateway.invalid", {})
        numbers = EvolutionNumbers(api, webhook_of=lambda _: address, create_seconds=10)
        yield Server(door, EvolutionMessenger(api), numbers, EvolutionArchive(api))
