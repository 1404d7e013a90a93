"""AsyncAPI 3.1: every topic, every event on it, and which service sends or receives it."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from common.contracts import EVENTS, SERVICES, TOPICS, Event, Topic
from devstack.docs.services import events_on, heard_by, said_by

EXAMPLES = "libs/common/tests/examples"
_FORMAT = "application/schema+json;version=draft-2020-12"
_BINDING = "0.5.0"
_DEAD = (
    "Records that {owner} gave up on, as they were; `dl_topic`, `dl_partition`, `dl_offset`,"
    " `dl_key`, `dl_error`, `dl_reason` and `dl_attempt` in the headers say where each came from"
    " and why it ended here."
)

Node = dict[str, Any]


def document(root: Path) -> str:
    """Write the whole description; the examples are those that the tests parse."""
    whole = {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Parley's events",
            "version": "1.0.0",
            "description": (
                "CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, the body as"
                " JSON in the value. Within a major version an event only grows optional fields;"
                " readers must ignore fields they do not know."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {topic.value: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {name: _message(root, EVENTS[name]) for name in sorted(EVENTS)},
            "schemas": {"CloudEvent": _HEADERS},
        },
    }
    note = "# Written by `make docs` from common.contracts and the services' routers.\n"
    return note + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)


def _channel(topic: Topic) -> Node:
    spec = TOPICS[topic]
    owner, _, kind = topic.value.partition(".")
    events = events_on(topic)
    channel: Node = {
        "address": topic.value,
        "description": f"Owned by {owner}; the record's key is the {spec.key}.",
        "messages": {
            event.type: {"$ref": f"#/components/messages/{event.type}"} for event in events
        },
        "bindings": {
            "kafka": {
                "partitions": spec.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": int(spec.retention.total_seconds() * 1000),
                },
                "bindingVersion": _BINDING,
            }
        },
    }
    if kind.startswith("dead-letters"):
        channel["description"] = _DEAD.format(owner=owner)
    elif not events:
        channel["description"] += " Nothing is published here yet."
    return channel


def _operations() -> Node:
    operations: Node = {}
    for service in SERVICES:
        operations |= _of_service(service, "send", said_by(service))
        operations |= _of_service(service, "receive", heard_by(service))
    return operations


def _of_service(service: str, action: str, known: Collection[type[Event]]) -> Node:
    return {
        f"{service}.{action}s.{topic.value}": _operation(service, action, topic, events)
        for topic in TOPICS
        if (events := [event for event in events_on(topic) if event in known])
    }


def _operation(service: str, action: str, topic: Topic, events: list[type[Event]]) -> Node:
    channel = f"#/channels/{topic.value}"
    return {
        "action": action,
        "summary": f"{service} {action}s {', '.join(event.type for event in events)}.",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event.type}"} for event in events],
    }


def _message(root: Path, event: type[Event]) -> Node:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": _first_sentence(event),
        "headers": {"$ref": "#/components/schemas/CloudEvent"},
        "payload": {
            "schemaFormat": _FORMAT,
            "schema": {"$ref": f"./{event.type}.schema.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _BINDING}},
        "examples": _examples(root, event),
    }


def _examples(root: Path, event: type[Event]) -> list[Mapping[str, Any]]:
    paths = sorted((root / EXAMPLES / event.type).glob("*.json"))
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [{"headers": record["headers"], "payload": record["body"]} for record in records]


def _first_sentence(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().splitlines()[0]


def _text(description: str, **more: Any) -> Node:
    return {"type": "string", "description": description, **more}


_HEADERS: Node = {
    "type": "object",
    "required": ["ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": _text("CloudEvents' version.", const="1.0"),
        "ce_type": _text("The event's type, which names its schema."),
        "ce_id": _text("The same id twice is the same event: it was delivered again."),
        "ce_source": _text("Who says so, such as parley/whatsapp."),
        "ce_time": _text("When it happened.", format="date-time"),
        "ce_tenant": _text("Whose it is; absent on what the shared webhook route received."),
        "content-type": _text("Of the value.", const="application/json"),
        "traceparent": _text("W3C trace context."),
    },
}
