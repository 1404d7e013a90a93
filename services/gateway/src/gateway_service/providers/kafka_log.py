"""The log of webhooks: one topic on the bus, waited for no longer than a provider waits."""

from common.bus import Producer, Record
from common.contracts import Topic
from common.contracts.cloudevents import Headers
from common.errors import TooLarge, Unavailable

ACK_SECONDS = 1.0
"""Kommo waits two seconds for us; with reading and answering, and a machine
that stands still for a moment, we stay under one and a half."""


class KafkaWebhookLog:
    """Appends to `gateway.evolution-webhooks.v1`."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._topic = Topic.EVOLUTION_WEBHOOKS.value

    async def append(self, *, key: str, value: bytes, headers: Headers) -> None:
        """Write one record and wait until all brokers have it.

        Raises:
            Unavailable: no acknowledgement in time, or a topic smaller than it should be; the
                provider must come again either way.
        """
        try:
            await self._producer.publish(
                Record(self._topic, key, value, headers), deadline=ACK_SECONDS
            )
        except TooLarge as failure:
            raise Unavailable("Kafka refused the record's size.") from failure
