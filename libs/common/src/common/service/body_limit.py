"""No body is read past the limit, announced or not, and none is nested deeper than it may."""

import re

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import Malformed, TooLarge
from common.service.problems import ERROR_CODE, REQUEST_ID, problem_response

MAX_DEPTH = 100
"""Levels of JSON; what reads and writes it further on gives up at a few hundred."""

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


class BodyLimit:
    """Pure ASGI middleware: refuses a long body by its announcement, or while it arrives.

    Of JSON also one that is nested too deep.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sentence = f"The body may have at most {self._max_bytes} bytes."
        if _announced(scope) > self._max_bytes:
            scope[ERROR_CODE] = TooLarge.code
            refusal = problem_response(TooLarge(sentence), request_id=scope.get(REQUEST_ID))
            await refusal(scope, receive, send)
            return
        size = openings = 0
        json = b"json" in _header(scope, b"content-type")
        chunks: list[bytes] = []

        async def counted() -> Message:
            nonlocal size, openings
            message = await receive()
            chunk = message.get("body", b"")
            size += len(chunk)
            # The framework's own class: of any other, FastAPI makes "cannot parse the body".
            if size > self._max_bytes:
                raise HTTPException(TooLarge.status, sentence)
            if json:
                chunks.append(chunk)
                # Counting is far cheaper than walking, and acquits nearly everybody.
                openings += chunk.count(b"{") + chunk.count(b"[")
                if openings > MAX_DEPTH and not message.get("more_body") and _too_deep(chunks):
                    raise HTTPException(Malformed.status, _DEEP)
            return message

        await self._app(scope, counted, send)


_DEEP = f"The body is nested deeper than the limit of {MAX_DEPTH} levels."


def _too_deep(chunks: list[bytes]) -> bool:
    depth = 0
    for token in _TOKENS.finditer(b"".join(chunks)):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


def _announced(scope: Scope) -> int:
    length = _header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for given, value in scope["headers"] if given == name), b"")
