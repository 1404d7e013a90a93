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

SERVED = "services/gateway/src/gateway_service/public_api.json"
"""The joined document once more, where the gateway finds it in its image."""


def documents() -> Mapping[str, str]:
    """Give each service's document, and all of them as one, as files' contents by their paths."""
    with TemporaryDirectory() as folder:
        found = asyncio.run(_all(Path(folder)))
    found["public"] = _joined(found)
    written = {f"docs/openapi/{name}.json": _written(found[name]) for name in found}
    return {**written, SERVED: written["docs/openapi/public.json"]}


async def _all(folder: Path) -> dict[str, dict[str, Any]]:
    return {service: await _document(service, folder) for service in SERVICES}


def _joined(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Join what callers of the gateway can reach; a schema two services mean differently fails."""
    joined = dict(documents["gateway"])
    joined["info"] = {"title": "Parley", "version": documents["gateway"]["info"]["version"]}
    joined["paths"] = {}
    schemas: dict[str, Any] = {}
    for service, document in documents.items():
        joined["paths"] |= document["paths"]
        for name, schema in document["components"].get("schemas", {}).items():
            if schemas.setdefault(name, schema) != schema:
                raise RuntimeError(f"{service} has another {name} than a service before it")
    joined["components"] = {**documents["gateway"]["components"], "schemas": schemas}
    return joined


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
