"""Webhooks part by part, as a server hands them over."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive

Knock = Callable[..., Awaitable[list[Message]]]


@pytest.fixture
def knock(gateway: Any) -> Knock:
    """Post to the shared address, with its secret; gives what is answered."""

    async def post(
        receive: Receive, *more: tuple[bytes, bytes], app: ASGIApp | None = None
    ) -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        secret = (b"x-webhook-secret", gateway.secret.encode())
        headers = [(b"content-type", b"application/json"), secret, *more]
        path = "/api/webhook/evolution"
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        await (app or gateway.app())(scope, receive, send)
        return sent

    return post
