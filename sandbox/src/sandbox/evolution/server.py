"""The HTTP face of the Evolution stand-in: routes, guards in the real order, faults."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from sandbox.evolution.errors import (
    Refusal,
    connection_closed,
    graph_error,
    license_required,
    malformed_json,
    not_on_whatsapp,
    plain_error,
    timed_out,
    unauthorized,
    unknown_instance,
    unknown_route,
)
from sandbox.evolution.jids import to_jid
from sandbox.evolution.multipart_send import read_form
from sandbox.evolution.routes import INSTANCE_ROUTES, PLAIN_ROUTES, Guard, Route
from sandbox.evolution.sending import is_cached
from sandbox.evolution.service import Ask, Evolution
from sandbox.evolution.state import Instance
from sandbox.faults import CALL_FAULTS, EVOLUTION_FAULTS, FaultSpec, Point
from sandbox.misbehave import act_out
from sandbox.wire import Call, Json, Outcome, Receive, Reply, Scope, Send, json_reply, read_call

_STRIKES = CALL_FAULTS | EVOLUTION_FAULTS
_WELCOME = {
    "status": 200,
    "message": "Welcome to the Evolution API, it is working!",
    "version": "2.3.7",
    "clientName": "evolution_exchange",
    "documentation": "https://doc.evolution-api.com",
    "whatsappWebVersion": "2.3000.1029000000",
}


class EvolutionServer:
    """An ASGI application that behaves like Evolution API 2.3.7."""

    def __init__(self, evolution: Evolution) -> None:
        self._evolution = evolution

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Serve one request; `path` is the part below the mount point."""
        call = await read_call(scope, receive, path)
        try:
            outcome = await self._serve(call)
        except Refusal as refusal:
            outcome = refusal.reply()
        await outcome(scope, receive, send)

    async def _serve(self, call: Call) -> Outcome:
        if call.path in {"", "/"} and call.method == "GET":
            return json_reply(200, _WELCOME)
        route, name = _find(call)
        body = _body(call)
        instance = self._guard(route, name, call)
        apikey = call.header(b"apikey")
        ask = Ask(
            evolution=self._evolution,
            body=body,
            query=call.query() if call.query_string else {},
            is_global=apikey == self._evolution.settings.evolution_api_key,
            apikey=apikey,
            found=instance,
            point=Point("evolution", route.name, instance.name if instance else None, call.body),
        )
        if self._evolution.faults:
            fault = self._evolution.faults.take(ask.point, _STRIKES)
            if fault is not None:
                return await self._misbehave(fault, route, ask)
        return await route.handler(ask)

    def _guard(self, route: Route, name: str, call: Call) -> Instance | None:
        # The real order: an unknown instance is a 404 even without any key.
        evolution, key = self._evolution, call.header(b"apikey")
        is_global = key == evolution.settings.evolution_api_key
        match route.guard:
            case Guard.INSTANCE:
                instance = evolution.instances.get(name)
                if instance is None:
                    raise unknown_instance(name)
                if not is_global and key != instance.token:
                    raise unauthorized()
                return instance
            case Guard.GLOBAL if is_global:
                return None
            case Guard.ANY_KEY if key:
                return None
        raise unauthorized()

    async def _misbehave(self, fault: FaultSpec, route: Route, ask: Ask) -> Outcome:
        if fault.fault in CALL_FAULTS:
            return await act_out(fault, lambda: _run(route, ask), plain_error)
        await asyncio.sleep(fault.seconds or 0)
        number = str(ask.body.get("number", ""))
        match fault.fault:
            case "connection_closed":
                cached = bool(ask.found and is_cached(ask.evolution, ask.found, number))
                raise connection_closed(cached=cached)
            case "timed_out_after":
                await _run(route, ask)
                raise timed_out()
            case "timed_out":
                raise timed_out()
            case "not_on_whatsapp":
                raise not_on_whatsapp(to_jid(number), number)
            case "graph_error":
                raise graph_error()
        raise license_required()


async def _run(route: Route, ask: Ask) -> Reply:
    try:
        return await route.handler(ask)
    except Refusal as refusal:
        return refusal.reply()


def _find(call: Call) -> tuple[Route, str]:
    plain = PLAIN_ROUTES.get((call.method, call.path))
    if plain is not None:
        return plain, ""
    prefix, _, name = call.path.rpartition("/")
    route = INSTANCE_ROUTES.get((call.method, prefix))
    if route is None or not name:
        raise unknown_route(call.method, call.path)
    return route, name


def _body(call: Call) -> Json:
    content_type = call.header(b"content-type")
    if content_type.startswith("multipart/form-data"):
        return read_form(call.body, content_type)
    if not call.body or "json" not in content_type:
        # Express reads nothing else, so the schema complains about what is missing.
        return {}
    try:
        body: Any = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise malformed_json(str(error)) from None
    return body if isinstance(body, dict) else {}
