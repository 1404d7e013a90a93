"""The calls of instance/*."""

from __future__ import annotations

import asyncio

from sandbox.evolution.channels import require_offered
from sandbox.evolution.connections import (
    LOGGED_OUT,
    close,
    connect,
    is_always_open,
    transient,
)
from sandbox.evolution.errors import (
    business_error,
    refusal,
    unauthorized,
    vague_failure,
)
from sandbox.evolution.schema import PRESENCES, Field, require
from sandbox.evolution.service import Ask, Evolution
from sandbox.evolution.state import EVOLUTION, INTEGRATIONS, Instance
from sandbox.evolution.subscriptions import created_webhook
from sandbox.wire import Json, Reply, json_reply

CREATE_WAIT_SECONDS = 5.0
CONNECT_WAIT_SECONDS = 2.0
FAILED_CREATE_LINGERS_SECONDS = 0.2
_FLAGS = (
    *("qrcode", "rejectCall", "groupsIgnore", "alwaysOnline", "readMessages", "readStatus"),
    "syncFullHistory",
)
_CREATE = (
    Field("instanceName", "string", required=True),
    Field("number", "string", pattern=r"^\d+[\.@\w-]+"),
    *(Field(name, "string") for name in ("token", "businessId", "msgCall", "wavoipToken")),
    *(Field(name, "boolean") for name in _FLAGS),
    *(Field(f"proxy{name}", "string") for name in ("Host", "Port", "Protocol", "Username")),
    Field("proxyPassword", "string"),
)
_NO_EVENTS = "Cannot read properties of undefined (reading 'length')"


async def create(ask: Ask) -> Reply:
    """POST /instance/create: 201 with token and QR; a failed one lingers and blocks its name."""
    body, evolution = ask.body, ask.evolution
    if not ask.is_global:
        raise unauthorized()
    require(body, *_CREATE)
    name = body["instanceName"]
    if body.get("integration") not in INTEGRATIONS:
        raise business_error("Invalid integration")
    if name in evolution.instances:
        raise refusal(403, [f'This name "{name}" is already in use.'])
    instance = _new_instance(evolution, body)
    evolution.instances[name] = instance
    block = body.get("webhook")
    if block is not None and not created_webhook(evolution, instance, block):
        evolution.background.later(
            FAILED_CREATE_LINGERS_SECONDS, lambda: _forget(evolution, instance)
        )
        raise business_error(_NO_EVENTS)
    data = {"instanceName": name, "instanceId": instance.id}
    evolution.courier.emit(instance, "INSTANCE_CREATE", data)
    wants_qr = bool(body.get("qrcode")) and not is_always_open(instance)
    if wants_qr:
        connect(evolution, instance, body.get("number"))
        await asyncio.sleep(CREATE_WAIT_SECONDS * evolution.settings.connect_scale)
    return json_reply(201, _created(instance, wants_qr=wants_qr))


async def connect_instance(ask: Ask) -> Reply:
    """GET /instance/connect: the QR code; a different shape when already open."""
    instance, evolution = ask.instance, ask.evolution
    if instance.integration == EVOLUTION:
        return json_reply(200, {})
    if instance.doomed:
        return json_reply(200, vague_failure())
    if instance.state == "open":
        return json_reply(200, instance.state_answer())
    if instance.state == "close":
        connect(evolution, instance, ask.query.get("number") or instance.number)
        await asyncio.sleep(CONNECT_WAIT_SECONDS * evolution.settings.connect_scale)
    return json_reply(200, instance.qr.answer() if instance.qr else {"count": 0})


async def connection_state(ask: Ask) -> Reply:
    """GET /instance/connectionState: what memory says, which may be wrong."""
    return json_reply(200, ask.instance.state_answer())


async def fetch_instances(ask: Ask) -> Reply:
    """GET /instance/fetchInstances: all rows, or the token's own."""
    rows = list(ask.evolution.instances.values())
    if not ask.is_global:
        rows = [instance for instance in rows if instance.token == ask.apikey]
        if not rows:
            raise unauthorized()
    name, row_id = ask.query.get("instanceName"), ask.query.get("instanceId")
    if name is not None:
        rows = [instance for instance in rows if instance.name == name]
        if not rows:
            raise refusal(404, [f'Instance "{name}" not found'])
    if row_id is not None:
        rows = [instance for instance in rows if instance.id == row_id]
    if (number := ask.query.get("number")) is not None:
        rows = [instance for instance in rows if instance.number == number]
    return json_reply(200, [instance.row() for instance in rows])


async def logout(ask: Ask) -> Reply:
    """DELETE /instance/logout: 400 when it is closed already."""
    instance = ask.instance
    if instance.state == "close":
        raise business_error(f'The "{instance.name}" instance is not connected')
    close(ask.evolution, instance, LOGGED_OUT)
    return json_reply(200, _success("Instance logged out"))


async def delete(ask: Ask) -> Reply:
    """DELETE /instance/delete: answers at once; removal waits for its own webhook."""
    instance, evolution = ask.instance, ask.evolution
    if instance.state != "close" and not is_always_open(instance):
        close(evolution, instance, LOGGED_OUT)
    data = {"instanceName": instance.name, "instanceId": instance.id}
    evolution.courier.emit(instance, "INSTANCE_DELETE", data)
    if not instance.doomed:
        instance.doomed = True
        evolution.background.spawn(_remove(evolution, instance))
    return json_reply(200, _success("Instance deleted"))


async def restart(ask: Ask) -> Reply:
    """POST /instance/restart: a closed one "fails" with 200."""
    instance = ask.instance
    if instance.state != "open":
        return json_reply(200, vague_failure())
    if not is_always_open(instance):
        transient(ask.evolution, instance)
    return json_reply(200, instance.state_answer())


async def set_presence(ask: Ask) -> Reply:
    """POST /instance/setPresence."""
    require(ask.body, Field("presence", "string", required=True, among=PRESENCES))
    require_offered(ask)
    return json_reply(201, {"presence": ask.body["presence"]})


def _new_instance(evolution: Evolution, body: Json) -> Instance:
    instance = Instance(
        name=body["instanceName"],
        id=evolution.ids.uuid(),
        token=body.get("token") or evolution.ids.uuid().upper(),
        integration=body["integration"],
        created_at=evolution.now(),
        number=body.get("number") or None,
        business_id=body.get("businessId") or None,
    )
    instance.settings |= {name: body[name] for name in instance.settings if name in body}
    if is_always_open(instance):
        instance.state = "open"
    return instance


def _created(instance: Instance, *, wants_qr: bool) -> Json:
    webhook = instance.webhook
    block: Json = {}
    if webhook is not None:
        block = {
            "webhookUrl": webhook.url,
            "webhookHeaders": webhook.headers,
            "webhookByEvents": webhook.by_events,
            "webhookBase64": webhook.base64,
        }
    answer: Json = {
        "instance": {
            "instanceName": instance.name,
            "instanceId": instance.id,
            "integration": instance.integration,
            "webhookWaBusiness": None,
            "accessTokenWaBusiness": "",
            "status": instance.state,
        },
        "hash": instance.token,
        "webhook": block,
        **{broker: {} for broker in ("websocket", "rabbitmq", "nats", "sqs")},
        "settings": instance.settings,
    }
    if wants_qr:
        answer["qrcode"] = instance.qr.answer() if instance.qr else {"count": 0}
    return answer


async def _remove(evolution: Evolution, instance: Instance) -> None:
    await evolution.courier.emit_and_wait(instance, "REMOVE_INSTANCE", None)
    _forget(evolution, instance)


def _forget(evolution: Evolution, instance: Instance) -> None:
    if evolution.instances.get(instance.name) is instance:
        del evolution.instances[instance.name]


def _success(message: str) -> Json:
    return {"status": "SUCCESS", "error": False, "response": {"message": message}}
