"""The HTTP face of the OpenAI stand-in: routes, keys, headers, faults."""

from __future__ import annotations

import asyncio
import dataclasses

import orjson

from sandbox.faults import CALL_FAULTS, OPENAI_FAULTS, FaultSpec, Point
from sandbox.misbehave import act_out
from sandbox.openai import audio, chat, moderation, responses
from sandbox.openai.errors import (
    ApiError,
    context_length,
    insufficient_quota,
    invalid,
    model_not_found,
    no_key,
    permission_denied,
    plain_error,
    rate_limited,
    server_error,
    unknown_url,
    wrong_key,
)
from sandbox.openai.service import Ask, Handler, OpenAI
from sandbox.wire import (
    Call,
    Json,
    Outcome,
    Receive,
    Reply,
    Scope,
    Send,
    StreamReply,
    json_reply,
    read_call,
)

_STRIKES = CALL_FAULTS | OPENAI_FAULTS
_CREATED = 1_790_000_000
_DEFAULT_RETRY_SECONDS = 20.0


async def list_models(ask: Ask) -> Reply:
    """GET /models."""
    names = ask.openai.catalog.names()
    return json_reply(200, {"object": "list", "data": [_model(name) for name in names]})


async def read_model(ask: Ask) -> Reply:
    """GET /models/{name}."""
    name = ask.call.path.removeprefix("/models/")
    if ask.openai.catalog.get(name) is None:
        raise model_not_found(name)
    return json_reply(200, _model(name))


_ROUTES: dict[tuple[str, str], tuple[str, Handler]] = {
    ("POST", "/responses"): ("responses", responses.create),
    ("POST", "/responses/input_tokens"): ("input_tokens", responses.count_input),
    ("POST", "/chat/completions"): ("chat.completions", chat.create),
    ("POST", "/audio/transcriptions"): ("transcriptions", audio.transcribe),
    ("POST", "/moderations"): ("moderations", moderation.moderate),
    ("GET", "/models"): ("models", list_models),
}
CALL_NAMES = frozenset(name for name, _ in _ROUTES.values())


class OpenAIServer:
    """An ASGI application that behaves like api.openai.com/v1."""

    def __init__(self, openai: OpenAI) -> None:
        self._openai = openai

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Serve one request; `path` is the part below /v1."""
        call = await read_call(scope, receive, path)
        request_id = f"req_{self._openai.ids.hexadecimal(128)}"
        try:
            outcome = await self._serve(call, request_id)
        except ApiError as error:
            outcome = error.reply()
        await _with_headers(outcome, _common(request_id))(scope, receive, send)

    async def _serve(self, call: Call, request_id: str) -> Outcome:
        key = self._key(call)
        endpoint, handler = _find(call)
        ask = Ask(self._openai, call, key, endpoint, request_id, _body(call))
        if self._openai.faults:
            point = Point("openai", endpoint, None, call.body)
            fault = self._openai.faults.take(point, _STRIKES)
            if fault is not None:
                return await self._misbehave(fault, handler, ask)
        return await _run(handler, ask)

    def _key(self, call: Call) -> str:
        scheme, _, key = call.header(b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise no_key()
        if not self._openai.accepts(key):
            raise wrong_key(key)
        if key in self._openai.poor_keys:
            raise insufficient_quota()
        return key

    async def _misbehave(self, fault: FaultSpec, handler: Handler, ask: Ask) -> Outcome:
        if fault.fault in CALL_FAULTS:
            return await act_out(fault, lambda: _run(handler, ask), plain_error)
        await asyncio.sleep(fault.seconds or 0)
        wait = _DEFAULT_RETRY_SECONDS if fault.retry_after is None else fault.retry_after
        model = str(ask.body.get("model", ""))
        match fault.fault:
            case "rate_limit":
                raise rate_limited("Rate limit reached for requests.", "requests", wait)
            case "insufficient_quota":
                raise insufficient_quota()
            case "context_length_exceeded":
                raise context_length(128_000, 200_000, "messages")
            case "invalid_api_key":
                raise wrong_key(ask.key)
            case "permission_denied":
                raise permission_denied()
            case "model_not_found":
                raise model_not_found(model)
        raise server_error(503 if fault.fault == "overloaded" else 500)


async def _run(handler: Handler, ask: Ask) -> Outcome:
    try:
        outcome = await handler(ask)
    except ApiError as error:
        return _with_headers(error.reply(), ask.headers)
    return _with_headers(outcome, ask.headers)


def _with_headers(outcome: Outcome, headers: tuple[tuple[bytes, bytes], ...]) -> Outcome:
    if isinstance(outcome, Reply | StreamReply):
        return dataclasses.replace(outcome, headers=(*outcome.headers, *headers))
    return outcome


def _common(request_id: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-request-id", request_id.encode()),
        (b"openai-version", b"2020-10-01"),
        (b"openai-organization", b"org-sandbox"),
        (b"openai-processing-ms", b"1"),
    )


def _find(call: Call) -> tuple[str, Handler]:
    route = _ROUTES.get((call.method, call.path))
    if route is not None:
        return route
    if call.method == "GET" and call.path.startswith("/models/"):
        return "models", read_model
    raise unknown_url(call.method, call.path)


def _body(call: Call) -> Json:
    if call.method != "POST" or call.header(b"content-type").startswith("multipart/"):
        return {}
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        message = (
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, "
            "but what was sent was not valid JSON.)"
        )
        raise invalid(message) from None
    if not isinstance(body, dict):
        raise invalid("Invalid body: expected an object.")
    return body


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "system"}
