"""Every shape of a refusal, and what it means for what we asked."""

from typing import Any

import pytest
from evolution_server import Server

from common.contracts import Text
from common.errors import NeedsOperator, OutcomeUnknown, ParleyError, Refused, Unavailable
from whatsapp_service.domain.ports.numbers import InstanceGone
from whatsapp_service.providers.evolution.errors import (
    ConnectionClosed,
    NoEvolution,
    NotOnWhatsApp,
)

HTML = "<html><body>502 Bad Gateway</body></html>"
GRAPH = {"message": "(#131030) not in allowed list", "type": "OAuthException", "code": 131030}
LICENSE = {"error": "service not activated", "code": "LICENSE_REQUIRED"}
BOOM = {"isBoom": True, "output": {"statusCode": 428, "payload": {"message": "Connection Closed"}}}


def told(message: Any) -> dict[str, Any]:
    return {"status": 0, "error": "x", "response": {"message": message}}


NOT_LOADED = "Cannot read properties of undefined (reading 'textMessage')"
GONE = ['The "loja" instance does not exist']
REFUSALS: list[tuple[int, Any, type[ParleyError]]] = [
    (404, told(GONE), InstanceGone),
    (404, told(['Instance "loja" not found']), InstanceGone),
    (404, told(["Cannot POST /message/sendText/loja"]), NoEvolution),
    (404, told(["Message not found"]), Refused),
    (404, told(["Not Found"]), NoEvolution),
    (404, HTML, NoEvolution),
    (401, told("Unauthorized"), NeedsOperator),
    (403, HTML, NeedsOperator),
    (400, told([['requires property "text"', "Invalid format"]]), Refused),
    (400, told(["Text is required"]), Refused),
    (400, told([{"jid": "x", "exists": False, "number": "1"}]), NotOnWhatsApp),
    (400, told([{"jid": "x", "exists": True, "number": "1"}]), Refused),
    (400, told(["Error: Connection Closed"]), ConnectionClosed),
    (400, told(["Error: Timed Out"]), OutcomeUnknown),
    (400, told(["PrismaClientKnownRequestError: \nInvalid `create()`"]), OutcomeUnknown),
    (400, told(["TypeError: Cannot read properties of undefined (reading 'message')"]),
     OutcomeUnknown),
    (400, told(["[object Object]"]), Refused),
    (400, BOOM, ConnectionClosed),
    (400, {"status": 400, "error": "x", "message": ["a", ["b"]]}, Refused),
    (400, told(None), Refused),
    (400, None, Refused),
    (400, [], Refused),
    (400, {"response": "nonsense"}, Refused),
    (413, HTML, Refused),
    (500, told("Connection Closed"), ConnectionClosed),
    (500, told(NOT_LOADED), ConnectionClosed),
    (500, told(["Error: Input buffer contains unsupported image format"]), Refused),
    (500, told(["AxiosError: Request failed with status code 404"]), Refused),
    (500, told(["Error: getaddrinfo EAI_AGAIN files.example"]), Unavailable),
    (500, told("Cannot read properties of undefined (reading 'substring')"), Refused),
    (500, told("write EPIPE"), OutcomeUnknown),
    (502, HTML, OutcomeUnknown),
    (503, LICENSE, NeedsOperator),
    (503, HTML, OutcomeUnknown),
    (504, HTML, OutcomeUnknown),
    (201, GRAPH, Refused),
    (201, {}, OutcomeUnknown),
    (201, None, OutcomeUnknown),
    (201, {"key": None}, OutcomeUnknown),
    (201, {"key": {"id": ""}}, OutcomeUnknown),
    (200, HTML, OutcomeUnknown),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "meaning"), REFUSALS)
async def test_a_send_that_fails_is_told_as_what_it_is(
    server: Server, status: int, body: Any, meaning: type[ParleyError]
) -> None:
    await server.answers(status, body)

    with pytest.raises(ParleyError) as failed:
        await server.sends(Text(text="hi"))

    assert type(failed.value) is meaning
    assert "Traceback" not in str(failed.value)
