"""The five error shapes, and the order of the guards."""

from __future__ import annotations

import httpx2
import pytest


async def test_an_unknown_instance_is_a_404_even_without_a_key(
    anonymous: httpx2.AsyncClient,
) -> None:
    answer = await anonymous.get("/evolution/instance/connectionState/nobody")

    assert answer.status_code == 404
    assert answer.json() == {
        "status": 404,
        "error": "Not Found",
        "response": {"message": ['The "nobody" instance does not exist']},
    }


@pytest.mark.parametrize("headers", [{}, {"apikey": "wrong"}])
async def test_a_known_instance_needs_a_key(
    anonymous: httpx2.AsyncClient, loja: str, headers: dict[str, str]
) -> None:
    answer = await anonymous.get(f"/evolution/instance/connectionState/{loja}", headers=headers)

    assert answer.status_code == 401
    assert answer.json() == {
        "status": 401,
        "error": "Unauthorized",
        "response": {"message": "Unauthorized"},
    }


async def test_an_instance_token_opens_its_own_instance_only(
    anonymous: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await evolution.post(
        "/instance/create", json={"instanceName": "other", "integration": "WHATSAPP-BAILEYS"}
    )
    token = {"apikey": "tok-loja"}

    own = await anonymous.get("/evolution/instance/connectionState/loja", headers=token)
    other = await anonymous.get("/evolution/instance/connectionState/other", headers=token)

    assert (own.status_code, other.status_code) == (200, 401)


async def test_a_schema_error_is_a_list_in_a_list(evolution: httpx2.AsyncClient, loja: str) -> None:
    answer = await evolution.post(f"/message/sendText/{loja}", json={"number": "5511988880001"})

    assert answer.status_code == 400
    assert answer.json() == {
        "status": 400,
        "error": "Bad Request",
        "response": {"message": [['instance requires property "text"']]},
    }


async def test_a_business_error_is_a_plain_list(evolution: httpx2.AsyncClient, loja: str) -> None:
    body = {"number": "5511988880001", "text": " \n "}
    answer = await evolution.post(f"/message/sendText/{loja}", json=body)

    assert answer.status_code == 400
    assert answer.json()["response"] == {"message": ["Text is required"]}


async def test_a_number_without_whatsapp_is_an_object_in_the_list(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    await door.post("/evolution/numbers", json={"missing": ["5511977770001"]})

    body = {"number": "+55 (11) 97777-0001", "text": "hi"}
    answer = await evolution.post(f"/message/sendText/{loja}", json=body)

    assert answer.status_code == 400
    assert answer.json()["response"]["message"] == [
        {
            "jid": "5511977770001@s.whatsapp.net",
            "exists": False,
            "number": "+55 (11) 97777-0001",
        }
    ]
    assert (await door.get("/evolution/sent")).json() == []


async def test_malformed_json_calls_itself_an_internal_error(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    answer = await evolution.post(
        f"/message/sendText/{loja}",
        content=b'{"number": ',
        headers={"content-type": "application/json"},
    )

    assert answer.status_code == 400
    assert answer.json()["error"] == "Internal Server Error"
    assert isinstance(answer.json()["response"]["message"], str)


async def test_a_body_that_is_not_declared_json_is_not_read(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    answer = await evolution.post(
        f"/message/sendText/{loja}",
        content=b'{"number":"5511988880001","text":"hi"}',
        headers={"content-type": "text/plain"},
    )

    assert answer.json()["response"]["message"] == [
        ['instance requires property "number"', 'instance requires property "text"']
    ]


async def test_a_closed_socket_has_two_codes_by_whether_the_number_is_known(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    known = {"number": "5511988880001", "text": "hi"}
    await evolution.post(f"/message/sendText/{loja}", json=known)
    await door.post(f"/evolution/instances/{loja}/close", json={"reason": "connection_closed"})

    cached = await evolution.post(f"/message/sendText/{loja}", json=known)
    fresh = await evolution.post(
        f"/message/sendText/{loja}", json={"number": "5511988880002", "text": "hi"}
    )
    state = await evolution.get(f"/instance/connectionState/{loja}")

    assert cached.status_code == 400
    assert cached.json()["response"]["message"] == ["Error: Connection Closed"]
    assert fresh.status_code == 500
    assert fresh.json() == {
        "status": 500,
        "error": "Internal Server Error",
        "response": {"message": "Connection Closed"},
    }
    assert state.json() == {"instance": {"instanceName": "loja", "state": "open"}}


async def test_number_checks_on_a_closed_socket_have_no_envelope(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    await door.post(f"/evolution/instances/{loja}/close", json={"reason": 401})

    answer = await evolution.post(
        f"/chat/whatsappNumbers/{loja}", json={"numbers": ["5511988880001"]}
    )

    assert answer.status_code == 400
    assert answer.json()["isBoom"] is True
    assert answer.json()["output"]["statusCode"] == 428


async def test_an_unknown_route_says_what_it_cannot(evolution: httpx2.AsyncClient) -> None:
    answer = await evolution.post("/nope", json={})

    assert answer.status_code == 404
    assert answer.json()["response"] == {"message": ["Cannot POST /nope"]}


async def test_the_root_tells_the_version_without_a_key(anonymous: httpx2.AsyncClient) -> None:
    answer = await anonymous.get("/evolution/")

    assert answer.status_code == 200
    assert answer.json()["version"] == "2.3.7"
