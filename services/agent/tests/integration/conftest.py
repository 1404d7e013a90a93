"""A running agent worker on real Kafka and Postgres, beside the strict model server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from agent_stage import Stage

from agent_service.app.wiring import build
from agent_service.settings import Settings
from common.bus import KafkaBus, create_topics
from common.contracts import (
    Envelope,
    Event,
    Topic,
    new_id,
)
from common.contracts.cloudevents import attributes, decode
from common.db import Database
from common.storage import ObjectStore
from common.testing import base_settings, prepare_database, running, served
from sandbox.app import create_app as create_sandbox


class _NoListener:
    async def assigned(self, partitions: object) -> None:
        """Not of interest here."""

    async def revoked(self, partitions: object) -> None:
        """Not of interest here."""


@pytest.fixture(scope="module")
def model_server() -> dict[str, str]:
    """The settings of another model server than the sandbox; none."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    module_database: str,
    kafka_bootstrap: str,
    tmp_path_factory: pytest.TempPathFactory,
    model_server: dict[str, str],
) -> AsyncGenerator[Stage]:
    await prepare_database(module_database, "agent")
    await create_topics(kafka_bootstrap)
    bus = KafkaBus(kafka_bootstrap)
    database = Database(module_database)
    objects = tmp_path_factory.mktemp("objects").as_uri()
    worker = _worker(module_database, kafka_bootstrap, objects, model_server)
    async with worker as sandbox, bus.producer() as producer:
        stage = Stage(producer, sandbox, database, ObjectStore(objects))
        out = bus.source(new_id("g"), [Topic.WHATSAPP_COMMANDS, Topic.AGENT_CONVERSATIONS])
        await out.start(_NoListener())
        listening = asyncio.ensure_future(_listen(out, stage.heard))
        yield stage
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await out.stop()
    await database.close()


async def _listen(source: Any, heard: list[Envelope[Event]]) -> None:
    while True:
        records = await source.poll(0.05)
        heard.extend(decode(attributes(r.headers), r.value) for r in records)


@asynccontextmanager
async def _worker(
    database: str, kafka: str, objects: str, model_server: dict[str, str]
) -> AsyncGenerator[httpx2.AsyncClient]:
    async with served(create_sandbox()) as address:
        settings = Settings(
            **base_settings("agent", database=database, kafka=kafka)
            | {
                "object_store_url": objects,
                "openai_base_url": f"{address}/openai/v1",
                "openai_api_key": "sk-test",
                "openai_model": "gpt-5.4-mini",
                "transcription_model": "gpt-transcribe",
            }
            | model_server,
        )
        async with (
            build(settings, "worker") as parts,
            running(parts),
            httpx2.AsyncClient(base_url=address) as client,
        ):
            yield client
