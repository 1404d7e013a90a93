"""The gateway's processes as they are built, with and without what is behind them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import httpx2
import pytest

from common.auth import ApiKey
from common.bus import InProcessBus, KafkaBus, create_topics
from common.contracts import EvolutionWebhookReceived, Topic
from common.contracts.cloudevents import attributes, decode
from common.testing import eventually, running
from gateway_service.app.wiring import build
from gateway_service.settings import Settings

pytestmark = pytest.mark.integration

MakeSettings = Callable[..., Settings]
SHARED = "/api/webhook/evolution"
SECRET = {"X-Webhook-Secret": "shared-secret-of-evolution"}


async def test_the_documents_and_the_probes_are_there(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert set(document["paths"]) >= {
        "/api/keys",
        "/api/webhook/evolution",
        "/api/webhooks/inbound/{webhook_public_id}",
        "/api/agents/{agent_id}/channels/evolution/connect",
        "/api/conversations",
    }
    assert document["servers"] == [{"url": "https://parley.example"}]

    for probe in ("/livez", "/readyz"):
        assert (await client.get(probe)).status_code == 200
    await client.post(SHARED, json={}, headers=SECRET)
    metrics = (await client.get("/metrics")).text
    assert 'parley_webhooks_total{reason="accepted",route="webhook/evolution"}' in metrics


async def test_every_process_can_be_built_and_stopped(
    settings: MakeSettings, database: str
) -> None:
    shapes = {}
    for mode in ("api", "worker", "all"):
        async with (
            build(settings(database=database), mode, InProcessBus()) as parts,
            running(parts),
        ):
            shapes[mode] = (parts.api is not None, [part.name for part in parts.components])

    assert shapes == {
        "api": (True, []),
        "worker": (False, ["housekeeping"]),
        "all": (True, ["housekeeping"]),
    }


async def test_without_a_database_webhooks_are_still_accepted(
    client_of: Any, settings: MakeSettings
) -> None:
    bus = InProcessBus()
    async with client_of(settings(), bus) as client:
        accepted = await client.post(SHARED, json={"instance": "a"}, headers=SECRET)
        refused = await client.get("/api/keys", headers={"X-API-Key": ApiKey.generate().reveal()})

    assert accepted.status_code == 200
    assert len(bus.records(Topic.EVOLUTION_WEBHOOKS)) == 1
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


async def test_a_kafka_that_is_not_there_is_503_in_time_for_everybody(
    client_of: Any,
    settings: MakeSettings,
) -> None:
    async def post(client: httpx2.AsyncClient) -> tuple[int, str | None, float]:
        started = time.perf_counter()
        answer = await client.post(SHARED, json={"instance": "a"}, headers=SECRET)
        return answer.status_code, answer.headers.get("retry-after"), time.perf_counter() - started

    async with client_of(settings(kafka="127.0.0.1:1")) as client:
        outcomes = await asyncio.gather(*(post(client) for _ in range(50)))

    assert {(status, retry) for status, retry, _ in outcomes} == {(503, "5")}
    assert max(seconds for _, _, seconds in outcomes) < 1.5


async def test_an_accepted_webhook_is_on_real_kafka(
    client_of: Any, settings: MakeSettings, kafka_bootstrap: str
) -> None:
    await create_topics(kafka_bootstrap)
    bodies: list[dict[str, Any]] = [
        {"instance": "shop-1", "n": 1},
        {"instance": "shop-1", "data": "A" * 899_000},
        {"instance": "shop-1", "n": 2},
    ]
    async with client_of(settings(kafka=kafka_bootstrap)) as client:
        ids = [await accepted(client, body) for body in bodies]

    # What was answered 503 for being late may be there too, before its repetition.
    received = await read_all(kafka_bootstrap, ids)
    assert [received[id_] for id_ in ids] == bodies
    assert [id_ for id_ in received if id_ in ids] == ids


async def accepted(client: httpx2.AsyncClient, body: dict[str, Any]) -> str:
    """Post as a provider does, again if need be; gives the event's id."""
    answers: list[httpx2.Response] = []

    async def is_accepted() -> bool:
        answers.append(await client.post(SHARED, json=body, headers=SECRET))
        return answers[-1].status_code == httpx2.codes.OK

    await eventually(is_accepted)
    return str(answers[-1].json()["event_id"])


class _Listener:
    async def assigned(self, partitions: Any) -> None: ...

    async def revoked(self, partitions: Any) -> None: ...


async def read_all(bootstrap: str, ids: list[str]) -> dict[str, Any]:
    """Read the topic of webhooks until these are found; gives bodies by id, in order."""
    source = KafkaBus(bootstrap).source("test-gateway", [Topic.EVOLUTION_WEBHOOKS])
    await source.start(_Listener())
    received: dict[str, Any] = {}

    async def found() -> bool:
        for record in await source.poll(0.1):
            envelope = decode(attributes(record.headers), record.value)
            received[envelope.id] = cast("EvolutionWebhookReceived", envelope.event).body
        return received.keys() >= set(ids)

    try:
        await eventually(found, within=20)
    finally:
        await source.stop()
    return received
