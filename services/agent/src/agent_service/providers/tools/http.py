"""Tools that tenants define: one call to one address, guarded, bounded and never redirected."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from agent_service.domain.model import Effect, HttpTool, ToolResult, ToolSpec
from agent_service.domain.model.texts import shortened, storable
from agent_service.domain.model.tools import LONGEST_OUTPUT
from agent_service.domain.ports import RemoteTool, ToolScope
from common.errors import InvalidInput, NotFound, OutcomeUnknown, Refused
from common.http import ApiClient, ApiProfile, ApiResponse, CallOptions, RetryPolicy, Wire

_HOLE = re.compile(r"\{(\w+)\}")
_IN_QUERY = frozenset({"GET", "DELETE"})
_SERVER_ERRORS = 500
_LATER = (408, 429)
_LONGEST_REFUSAL = 500


class HttpToolCaller:
    """Makes tools of definitions; `wire` must have a guard, as tenants choose the addresses."""

    def __init__(self, wire: Wire, open_secret: Callable[[str, str], str]) -> None:
        self._wire = wire
        self._open_secret = open_secret

    def tool(self, definition: HttpTool) -> RemoteTool:
        """Make one tool."""

        async def call(scope: ToolScope, arguments: dict[str, Any]) -> ToolResult:
            return await self._call(definition, scope, arguments)

        async def lookup(scope: ToolScope) -> ToolResult | None:
            return await self._lookup(definition, scope)

        spec = ToolSpec(
            definition.name, definition.description, definition.parameters, definition.effect
        )
        can_look = lookup if definition.lookup_url is not None else None
        return RemoteTool(spec, call, can_look, repeatable=definition.repeatable)

    async def _call(
        self, definition: HttpTool, scope: ToolScope, arguments: dict[str, Any]
    ) -> ToolResult:
        url, left = _filled(definition.url, arguments)
        secret = self._secret(definition)
        options = _options(definition, scope, secret)
        if definition.method in _IN_QUERY:
            options["params"] = {n: _plain(v) for n, v in left.items() if v is not None}
        else:
            options["json"] = left
        answer = await self._client(definition, secret).request(definition.method, url, **options)
        return ToolResult(_text(answer, secret))

    async def _lookup(self, definition: HttpTool, scope: ToolScope) -> ToolResult | None:
        url, _ = _filled(definition.lookup_url or "", {"key": scope.key})
        secret = self._secret(definition)
        try:
            answer = await self._client(definition, secret, asking=True).request(
                "GET", url, **_options(definition, scope, secret)
            )
        except NotFound:
            return None
        return ToolResult(_text(answer, secret))

    def _secret(self, definition: HttpTool) -> str:
        """Open the tool's secret; empty when it has none."""
        if not definition.secret_header or not definition.sealed_secret:
            return ""
        return self._open_secret(definition.sealed_secret, definition.tenant)

    def _client(self, definition: HttpTool, secret: str, *, asking: bool = False) -> ApiClient:
        is_read = asking or definition.effect is Effect.READ
        profile = ApiProfile(
            provider="http_tool",
            timeout=definition.timeout_seconds,
            deadline=definition.timeout_seconds * 2,
            retry=RetryPolicy(attempts=2 if is_read or definition.repeatable else 1),
            raise_for=partial(_read_refusal if is_read else _write_refusal, secret=secret),
        )
        return ApiClient(self._wire, profile)


def _options(definition: HttpTool, scope: ToolScope, secret: str) -> CallOptions:
    headers = {"Idempotency-Key": scope.key}
    if definition.secret_header and secret:
        headers[definition.secret_header] = secret
    # Said outright, since the method says nothing about what a tenant's server does on it.
    repeatable = definition.repeatable or definition.effect is Effect.READ
    return CallOptions(headers=headers, max_bytes=definition.max_bytes, safe_to_repeat=repeatable)


def _filled(url: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Put arguments into the holes of an address; none can leave its place in it."""
    left = dict(arguments)

    def value(match: re.Match[str]) -> str:
        given = str(_plain(left.pop(match[1], "")))
        if given.strip() in {"", ".", ".."}:
            raise InvalidInput(f"`{match[1]}` must not be empty or dots")
        return quote(given, safe="")

    return _HOLE.sub(value, url), left


def _plain(value: Any) -> str | int:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str | int) else str(value)


def _text(answer: ApiResponse, secret: str) -> str:
    text = shortened(_without(secret, answer), LONGEST_OUTPUT)
    return text or "Done; the other side said nothing more."


def _without(secret: str, answer: ApiResponse) -> str:
    """Read an answer; a server that shows what it was sent must not show a model our secret."""
    text = storable(answer.content.decode(errors="replace")).strip()
    for part in (secret, secret.rpartition(" ")[2]) if secret else ():
        text = text.replace(part, "[secret]")
    return text


def _read_refusal(answer: ApiResponse, secret: str) -> None:
    if answer.status < _SERVER_ERRORS and answer.status not in _LATER:
        if answer.status in {404, 410}:
            raise NotFound(_said(answer, secret))
        raise Refused(_said(answer, secret))


def _write_refusal(answer: ApiResponse, secret: str) -> None:
    """After a server's own failure, nobody knows how far it came."""
    if answer.status >= _SERVER_ERRORS:
        raise OutcomeUnknown("the tool's server failed")
    _read_refusal(answer, secret)


def _said(answer: ApiResponse, secret: str) -> str:
    text = shortened(_without(secret, answer), _LONGEST_REFUSAL)
    return f"the other side answered {answer.status}: {text}"
