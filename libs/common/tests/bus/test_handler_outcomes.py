"""What became of a handler's runs is told by outcome: done, retried, dead-lettered."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import REGISTRY

from common.bus import Dispatcher, Rejection, Router
from common.bus.records import Partition, Received
from common.contracts import (
    CancelMessages,
    ChatId,
    Envelope,
    EventId,
    IntegrationId,
    TenantId,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import encode_headers
from common.errors import InvalidInput, Unavailable
from common.testing import FakeInbox, FakeOutbox


@dataclass(frozen=True)
class Context:
    """A transaction that keeps everything."""

    inbox: FakeInbox = field(default_factory=FakeInbox)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)


@asynccontextmanager
async def open_context() -> AsyncGenerator[Context]:
    yield Context()


def order(reason: str) -> Received:
    event = CancelMessages(
        chat_id=ChatId("chat"), integration_id=IntegrationId("int_1"), reason=reason
    )
    envelope = Envelope(EventId(new_id("evt")), TenantId("ten"), utc_now(), event, "t")
    value, headers = event.model_dump_json().encode(), tuple(encode_headers(envelope))
    return Received(Partition(event.topic, 0), 7, "chat", value, headers, 0, 0.0)


def runs(handler: str) -> dict[str, float]:
    """Give how many runs of a handler were counted, by outcome."""
    counted = {}
    for outcome in ("done", "retried", "dead_lettered"):
        labels = {"handler": handler, "outcome": outcome}
        counted[outcome] = REGISTRY.get_sample_value("parley_handler_seconds_count", labels) or 0
    return counted


async def test_each_run_alone_is_counted_by_what_became_of_its_record() -> None:
    router, refusals = Router[Context](), [Unavailable("not now"), InvalidInput("never")]

    @router.on(CancelMessages)
    async def cancels_alone(envelope: Envelope[CancelMessages], context: Context) -> None:
        if envelope.event.reason == "refused":
            raise refusals.pop(0)

    dispatcher = Dispatcher("whatsapp", router, open_context)
    for reason in ("fine", "refused"):
        await dispatcher.handle_alone(order(reason), asyncio.Semaphore(1))
    assert runs("cancels_alone") == {"done": 1, "retried": 1, "dead_lettered": 1}


async def test_what_a_batch_rejects_is_not_counted_as_done() -> None:
    router = Router[Context]()

    @router.on_batch(CancelMessages)
    async def cancels_many(
        envelopes: Sequence[Envelope[CancelMessages]], context: Context
    ) -> list[Rejection]:
        return [
            Rejection(one.id, InvalidInput("never"))
            for one in envelopes
            if one.event.reason == "refused"
        ]

    dispatcher = Dispatcher("whatsapp", router, open_context)
    await dispatcher.handle([order("fine"), order("refused")])
    await dispatcher.handle([order("refused")])
    assert runs("cancels_many") == {"done": 1, "retried": 0, "dead_lettered": 2}
