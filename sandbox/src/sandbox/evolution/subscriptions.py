"""The calls of webhook/* and settings/*."""

from __future__ import annotations

from typing import Any

from sandbox.evolution.errors import refusal
from sandbox.evolution.events import EVENTS
from sandbox.evolution.schema import Field, require
from sandbox.evolution.service import Ask, Evolution
from sandbox.evolution.state import REQUIRED_SETTINGS, Instance, Webhook, all_events
from sandbox.wire import Json, Reply, json_reply

_WEBHOOK = Field(
    "webhook",
    "object",
    required=True,
    shape=(
        Field("enabled", "boolean", required=True),
        Field("url", "string", required=True),
        Field("headers", "object"),
        Field("byEvents", "boolean"),
        Field("base64", "boolean"),
        Field("events", "array", of="string", among=tuple(EVENTS)),
    ),
    filled=("enabled", "url"),
)
_NO_EVENTS = "Cannot read properties of undefined (reading 'length')"


async def set_webhook(ask: Ask) -> Reply:
    """POST /webhook/set: nested body, 201 with the row; events missing while enabled is a 500."""
    require(ask.body, _WEBHOOK)
    block = ask.body["webhook"]
    events = block.get("events")
    enabled = bool(block["enabled"])
    if enabled and not isinstance(events, list):
        raise refusal(500, _NO_EVENTS)
    instance = ask.instance
    webhook = build_webhook(ask.evolution, block, enabled=enabled)
    if instance.webhook is not None:
        webhook.id = instance.webhook.id
        webhook.created_at = instance.webhook.created_at
    instance.webhook = webhook
    return json_reply(201, webhook.row(instance.id))


async def find_webhook(ask: Ask) -> Reply:
    """GET /webhook/find: the row, or null."""
    webhook = ask.instance.webhook
    return json_reply(200, webhook.row(ask.instance.id) if webhook else None)


async def set_settings(ask: Ask) -> Reply:
    """POST /settings/set: six flags are required."""
    require(
        ask.body,
        *(Field(name, "boolean", required=True) for name in REQUIRED_SETTINGS),
        Field("msgCall", "string"),
        Field("wavoipToken", "string"),
    )
    instance = ask.instance
    instance.settings |= {name: ask.body[name] for name in instance.settings if name in ask.body}
    answer = {"settings": {"instanceName": instance.name, "settings": instance.settings}}
    return json_reply(201, answer)


async def find_settings(ask: Ask) -> Reply:
    """GET /settings/find: a flat object."""
    return json_reply(200, ask.instance.settings)


def build_webhook(evolution: Evolution, block: Json, *, enabled: bool) -> Webhook:
    """Make the row from a webhook block; a disabled one loses its events."""
    now = evolution.now()
    headers: Any = block.get("headers")
    return Webhook(
        id=evolution.ids.row(),
        url=str(block.get("url", "")),
        headers=dict(headers) if isinstance(headers, dict) else None,
        enabled=enabled,
        events=all_events(block.get("events") or []) if enabled else [],
        by_events=bool(block.get("byEvents")),
        base64=bool(block.get("base64")),
        created_at=now,
        updated_at=now,
    )


def created_webhook(evolution: Evolution, instance: Instance, block: Any) -> bool:
    """Store the webhook block of instance/create; false when its events are missing.

    A block in create counts as enabled whatever it says, and unknown event names pass.
    """
    if not (isinstance(block, dict) and isinstance(block.get("events"), list)):
        return False
    instance.webhook = build_webhook(evolution, block, enabled=True)
    instance.load_webhook_flags()
    return True
