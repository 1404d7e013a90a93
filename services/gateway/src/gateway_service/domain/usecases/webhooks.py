"""Accepting webhooks: verified by the door, made durable here."""

import asyncio
import hashlib
from datetime import datetime
from typing import Any

import orjson

from common.contracts import EvolutionWebhookReceived
from common.contracts.cloudevents import Headers, raw_headers
from gateway_service.domain.model.webhooks import Origin, instance_of, read_body
from gateway_service.domain.ports import Intake

SOURCE = "parley/gateway"
PARKED = "webhooks"
"""The folder of the object store where bodies are parked."""
LARGEST_VALUE = 900_000
"""Bytes; the topic takes a megabyte, headers and framing included."""

_TYPE = EvolutionWebhookReceived.type


async def accept_evolution(intake: Intake, raw: bytes, origin: Origin, traceparent: str) -> str:
    """Make Evolution's webhook durable; returns the event's id.

    The record is written by hand: a pydantic model would cost more than all the rest of this
    path. A test proves that it decodes with the contract.

    Raises:
        Malformed: the body is not a JSON object of a sane depth.
        Unavailable: it is not durable: Kafka or the object store is away.
    """
    body = read_body(raw, max_depth=intake.max_depth)
    event_id, now = intake.new_id(), intake.now()
    instance = instance_of(body)
    value = _value(instance, origin, body=body)
    if len(value) > LARGEST_VALUE:
        content = orjson.dumps(body)
        # By its hash: while Kafka is away the provider comes again and again with the same.
        digest = await asyncio.to_thread(hashlib.sha256, content)
        parked = f"{PARKED}/{digest.hexdigest()}.json"
        await intake.parking.put(parked, content, "application/json")
        value = _value(instance, origin, parked=parked)
    await intake.log.append(
        key=instance or origin.integration_id or "",
        value=value,
        headers=_headers(event_id, origin, now, traceparent),
    )
    return event_id


def _value(
    instance: str, origin: Origin, *, body: dict[str, Any] | None = None, parked: str | None = None
) -> bytes:
    event: dict[str, Any] = {
        "instance": instance,
        "integration_id": origin.integration_id,
        "generation": origin.generation,
        "body": body,
    }
    if parked is not None:
        event["parked"] = parked
    return orjson.dumps(event)


def _headers(event_id: str, origin: Origin, now: datetime, traceparent: str) -> Headers:
    return raw_headers(
        type_=_TYPE,
        id_=event_id,
        source=SOURCE,
        tenant=origin.tenant,
        time=now,
        traceparent=traceparent,
    )
