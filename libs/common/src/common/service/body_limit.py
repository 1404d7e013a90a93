"""No body is read past the limit, announced or not."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import TooLarge
from common.service.problems import ERROR_CODE, REQUEST_ID, problem_response


class BodyLimit:
    """Pure ASGI middleware: refuses a long body by its announcement, or while it arrives."""

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
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                # The framework's own class: of any other, FastAPI makes "cannot parse the body".
                raise HTTPException(TooLarge.status, sentence)
            return message

        await self._app(scope, counted, send)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
