"""One OpenAPI document per service, as the service itself answers it."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from common.bus import InProcessBus
from common.contracts import SERVICES
from common.telemetry import configure
from devstack.docs.services import declaration, throw_away_settings


def documents() -> Mapping[str, str]:
    """Give each service's document as a file's content, by its path."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_all(Path(folder)))


async def _all(folder: Path) -> dict[str, str]:
    return {
        f"docs/openapi/{service}.json": _written(await _document(service, folder))
        for service in SERVICES
    }


async def _document(service: str, folder: Path) -> dict[str, Any]:
    """Build the service's application, without a server behind it, and ask it."""
    settings = throw_away_settings(service, folder)
    configure("docs", settings)
    build = declaration(service).builder()
    async with build(settings, "api", InProcessBus()) as parts:
        if parts.api is None:
            raise RuntimeError(f"{service} answers no HTTP")
        transport = httpx2.ASGITransport(parts.api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://docs") as client:
            answer = await client.get("/openapi.json")
            answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def _written(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
