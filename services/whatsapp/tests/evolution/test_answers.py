"""Every shape in which Evolution may answer about a number and its messages."""

from datetime import UTC, datetime
from typing import Any

import pytest
from evolution_server import Server

from common.contracts import AgentId, ConnectionState, IntegrationId, MessageId, TenantId
from common.errors import Conflict, ParleyError, Refused, Unavailable
from whatsapp_service.domain.model import Integration, Qr
from whatsapp_service.domain.ports.numbers import Made

AT = datetime(2026, 11, 23, tzinfo=UTC)
LOJA = Integration(
    IntegrationId("int_1"),
    TenantId("ten_1"),
    AgentId("agt_1"),
    "loja",
    ConnectionState.OPEN,
    1,
    AT,
)
HTML = "<html>login</html>"
INSTANCE = {"instance": {"instanceName": "loja", "status": "connecting"}}
QR = {"pairingCode": None, "code": "2@A", "base64": "data:image/png;base64,iV", "count": 1}
SHOWN = Qr("2@A", "data:image/png;base64,iV", None)


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ({**INSTANCE, "hash": "T", "qrcode": QR}, Made("T", SHOWN)),
        ({**INSTANCE, "hash": {"apikey": "T"}, "qrcode": {"count": 0}}, Made("T")),
        ({**INSTANCE, "hash": None, "qrcode": None}, Made("")),
        (INSTANCE, Made("")),
    ],
)
async def test_a_made_instance_is_read_with_what_it_has(
    server: Server, body: Any, made: Made
) -> None:
    await server.answers(201, body)

    assert await server.numbers.create(LOJA) == made


@pytest.mark.parametrize("body", [{}, None, [], HTML, {"error": True, "message": "x"}])
async def test_a_making_that_names_no_instance_is_none(server: Server, body: Any) -> None:
    await server.answers(201, body)

    with pytest.raises(Refused):
        await server.numbers.create(LOJA)


@pytest.mark.parametrize(
    ("body", "qr"),
    [
        (QR, SHOWN),
        ({**QR, "pairingCode": "ABCD1234"}, Qr("2@A", "data:image/png;base64,iV", "ABCD1234")),
        ({"count": 0}, None),
        ({"instance": {"instanceName": "loja", "state": "open"}}, None),
        ({"code": 5, "base64": ["x"]}, None),
        ({}, None),
        ([], None),
    ],
)
async def test_a_code_is_read_where_there_is_one(server: Server, body: Any, qr: Qr | None) -> None:
    await server.answers(200, body)

    assert await server.numbers.fetch_qr(LOJA) == qr


async def test_a_connection_that_cannot_start_is_a_200_that_says_so(server: Server) -> None:
    await server.answers(200, {"error": True, "message": "[object Object]"})

    with pytest.raises(Conflict):
        await server.numbers.fetch_qr(LOJA)


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"instance": {"state": "open"}}, ConnectionState.OPEN),
        ({"instance": {"instanceName": "x", "state": "connecting"}}, ConnectionState.CONNECTING),
        ({"instance": {"state": "close"}}, ConnectionState.CLOSED),
    ],
)
async def test_a_state_is_read(server: Server, body: Any, state: ConnectionState) -> None:
    await server.answers(200, body)

    assert (await server.numbers.state(LOJA)).state is state


@pytest.mark.parametrize("body", [{}, None, [], HTML, {"instance": {"state": "new"}}])
async def test_a_state_that_cannot_be_read_is_no_state(server: Server, body: Any) -> None:
    await server.answers(200, body)

    with pytest.raises(Unavailable):
        await server.numbers.state(LOJA)


@pytest.mark.parametrize(
    ("body", "restarted"),
    [
        ({"instance": {"state": "open"}}, True),
        ({"error": True}, False),
        (None, False),
        (HTML, False),
    ],
)
async def test_a_restart_says_whether_it_was_one(
    server: Server, body: Any, restarted: bool
) -> None:
    await server.answers(200, body)

    assert await server.numbers.restart(LOJA) is restarted


@pytest.mark.parametrize("encoded", ["b2k=", "data:audio/ogg;base64,b2k="])
async def test_a_file_is_read_bare_and_as_an_address(server: Server, encoded: str) -> None:
    await server.answers(201, {"mediaType": "audioMessage", "base64": encoded, "buffer": None})

    assert await server.archive.fetch_file("loja", MessageId("3A"), max_bytes=9) == b"oi"


@pytest.mark.parametrize(
    "body", [None, [], {}, {"base64": ""}, {"base64": "?"}, {"base64": 5}, HTML]
)
async def test_an_answer_without_a_file_has_none(server: Server, body: Any) -> None:
    await server.answers(201, body)

    with pytest.raises(Refused):
        await server.archive.fetch_file("loja", MessageId("3A"), max_bytes=9)


def found(*records: Any, **more: Any) -> dict[str, Any]:
    return {"messages": {"total": 1, "pages": 1, "currentPage": 1, "records": records, **more}}


RECORD = {"key": {"id": "3A", "fromMe": True}, "MessageUpdate": [{"status": "READ"}, {}, None]}


@pytest.mark.parametrize(
    ("body", "ids", "more"),
    [
        (found(), [], False),
        (found(RECORD), ["3A"], False),
        (found(RECORD, None, "x", {}, {"key": None}, pages="3"), ["3A"], True),
        (found({**RECORD, "MessageUpdate": None}, pages=None), ["3A"], False),
    ],
)
async def test_what_it_has_is_listed_without_what_names_no_message(
    server: Server, body: Any, ids: list[str], more: bool
) -> None:
    await server.answers(200, body)

    page = await server.archive.list_messages(LOJA, since=AT, page=1, size=5)

    assert ([one.message_id for one in page.messages], page.more) == (ids, more)


@pytest.mark.parametrize(
    "body", [{}, [], None, {"messages": None}, {"messages": {"records": 5}}, HTML]
)
async def test_a_list_that_cannot_be_read_is_not_empty(server: Server, body: Any) -> None:
    await server.answers(200, body)

    with pytest.raises(ParleyError):
        await server.archive.list_messages(LOJA, since=AT, page=1, size=5)
