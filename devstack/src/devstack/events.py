"""Read the suite's topics as a stranger would: from the beginning, in no group."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from common.bus import Cluster
from common.contracts import Event, Topic
from common.contracts.cloudevents import attributes, decode
from devstack.errors import StackError

E = TypeVar("E", bound=Event)


async def first(
    bootstrap: str, topic: Topic, kind: type[E], wanted: Callable[[E], bool] = lambda _: True
) -> E:
    """Wait for the first event of a kind that is wanted; the caller sets the deadline.

    Raises:
        StackError: the broker does not answer.
    """
    consumer = AIOKafkaConsumer(
        topic,
        **Cluster.of(bootstrap).options(),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    try:
        await consumer.start()
        async for record in consumer:
            event = decode(attributes(record.headers), record.value).event
            if isinstance(event, kind) and wanted(event):
                return event
    except KafkaError as error:
        raise StackError(f"The topic {topic} cannot be read: {type(error).__name__}") from error
    finally:
        # In a task of its own: aiokafka's `stop` can leak a CancelledError of its inside.
        await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=5)
    raise StackError(f"The topic {topic} ended.")
