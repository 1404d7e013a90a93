"""What no schema of Evolution looks at, and its code refuses all the same, or drops, or takes."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

ANA = "5511988880001"
JID = f"{ANA}@s.whatsapp.net"
KEY = {"id": "3A1", "remoteJid": JID, "fromMe": True}
TEXT: dict[str, Any] = {"number": ANA, "text": "x"}
NO_KEY = "TypeError: Cannot read properties of undefined (reading 'fromMe')"


@pytest.mark.parametrize("quoted", ["x", 5, True, [], {}, {"message": {"conversation": "hi"}}])
async def test_a_quoted_message_without_a_key_cannot_be_sent(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str, quoted: Any
) -> None:
    answer = await evolution.post(f"/message/sendText/{loja}", json={**TEXT, "quoted": quoted})

    assert answer.status_code == 400
    assert answer.json()["response"] == {"message": [NO_KEY]}
    assert (await door.get("/evolution/sent")).json() == []


@pytest.mark.parametrize("quoted", [None, False, 0, ""])
async def test_what_is_nothing_to_javascript_quotes_nothing(
    evolution: httpx2.AsyncClient, loja: str, quoted: Any
) -> None:
    answer = await evolution.post(f"/message/sendText/{loja}", json={**TEXT, "quoted": quoted})

    assert answer.status_code == 201
    assert "stanzaId" not in answer.json()["contextInfo"]


@pytest.mark.parametrize(
    ("quoted", "complaint"),
    [
        ({"key": None}, "quoted.key is not of a type(s) object"),
        ({"key": {"id": 5}}, "quoted.key.id is not of a type(s) string"),
        ({"key": {"id": "x", "fromMe": "no"}}, "quoted.key.fromMe is not of a type(s) boolean"),
        ({"key": {"id": "x"}, "message": "hi"}, "quoted.message is not of a type(s) object"),
    ],
)
async def test_what_the_schema_says_of_a_quoted_message_holds(
    evolution: httpx2.AsyncClient, loja: str, quoted: Any, complaint: str
) -> None:
    answer = await evolution.post(f"/message/sendText/{loja}", json={**TEXT, "quoted": quoted})

    assert answer.status_code == 400
    assert answer.json()["response"]["message"] == [[complaint]]


async def test_a_quoted_message_that_is_given_whole_need_not_be_known(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    quoted = {"key": {**KEY, "fromMe": False}, "message": {"conversation": "before"}}
    answer = await evolution.post(f"/message/sendText/{loja}", json={**TEXT, "quoted": quoted})

    context = answer.json()["contextInfo"]
    assert (context["stanzaId"], context["participant"]) == ("3A1", JID)
    assert context["quotedMessage"] == {"conversation": "before"}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("sendContact", {"number": ANA, "contact": [{"fullName": "B", "phoneNumber": ANA}]}),
        ("sendReaction", {"key": KEY, "reaction": "👍"}),
    ],
)
async def test_what_has_no_options_takes_any(
    evolution: httpx2.AsyncClient, loja: str, call: str, body: dict[str, Any]
) -> None:
    options = {"delay": "soon", "quoted": 5, "mentioned": 7}
    answer = await evolution.post(f"/message/{call}/{loja}", json={**body, **options})

    assert answer.status_code == 201, answer.text


CALLS: dict[str, dict[str, Any]] = {
    "message/sendSticker": {"number": ANA, "sticker": "aGk="},
    "message/sendPoll": {"number": ANA, "name": "q", "selectableCount": 1, "values": ["a", "b"]},
    "chat/whatsappNumbers": {"numbers": [ANA]},
    "chat/markMessageAsRead": {"readMessages": [KEY]},
    "chat/sendPresence": {"number": ANA, "presence": "composing", "delay": 1},
    "chat/updateMessage": {"number": ANA, "text": "y", "key": KEY},
}
PLACE = {"number": ANA, "latitude": 1.0, "longitude": 2.0, "name": "", "address": ""}
ONLY_BAILEYS_AND_CLOUD: dict[str, dict[str, Any]] = {
    "message/sendLocation": PLACE,
    "message/sendContact": {"number": ANA, "contact": [{"fullName": "B", "phoneNumber": ANA}]},
    "message/sendReaction": {"key": KEY, "reaction": "👍"},
    "chat/getBase64FromMediaMessage": {"message": {"key": KEY}},
}


async def channel(evolution: httpx2.AsyncClient, integration: str) -> str:
    order = {"instanceName": "other", "integration": integration, "token": "t"}
    made = await evolution.post(
        "/instance/create", json={**order, "number": "123", "businessId": "2"}
    )
    assert made.status_code == 201, made.text
    return "other"


@pytest.mark.parametrize("call", [*CALLS, *ONLY_BAILEYS_AND_CLOUD])
async def test_the_evolution_channel_has_not_every_call(
    evolution: httpx2.AsyncClient, call: str
) -> None:
    name = await channel(evolution, "EVOLUTION")
    body = {**CALLS, **ONLY_BAILEYS_AND_CLOUD}[call]
    answer = await evolution.post(f"/{call}/{name}", json=body)

    assert answer.status_code == 400
    says = ["Method not available on Evolution Channel"]
    assert answer.json()["response"] == {"message": says}


@pytest.mark.parametrize("call", CALLS)
async def test_the_cloud_channel_has_not_every_call(
    evolution: httpx2.AsyncClient, call: str
) -> None:
    name = await channel(evolution, "WHATSAPP-BUSINESS")
    answer = await evolution.post(f"/{call}/{name}", json=CALLS[call])

    assert answer.status_code == 400
    says = ["Method not available on WhatsApp Business API"]
    assert answer.json()["response"] == {"message": says}


async def test_the_cloud_channel_sends_places_and_reactions(evolution: httpx2.AsyncClient) -> None:
    name = await channel(evolution, "WHATSAPP-BUSINESS")
    place = await evolution.post(f"/message/sendLocation/{name}", json=PLACE)
    reaction = {"key": KEY, "reaction": "👍"}
    reacted = await evolution.post(f"/message/sendReaction/{name}", json=reaction)

    assert (place.status_code, reacted.status_code) == (201, 201)


async def test_a_schema_speaks_before_a_channel_does(evolution: httpx2.AsyncClient) -> None:
    name = await channel(evolution, "EVOLUTION")
    answer = await evolution.post(f"/message/sendPoll/{name}", json={"number": ANA})

    assert 'requires property "values"' in str(answer.json()["response"]["message"])


async def test_typing_to_a_number_without_whatsapp_is_refused_in_no_words(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    await door.post("/evolution/numbers", json={"missing": [ANA]})
    body = {"number": ANA, "presence": "composing", "delay": 1}
    answer = await evolution.post(f"/chat/sendPresence/{loja}", json=body)

    assert answer.status_code == 400
    assert answer.json()["response"] == {"message": ["[object Object]"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"page": "1", "where": {"messageTimestamp": "ever"}}, 200),
        ({"where": {"key": {"remoteJid": "", "participant": "x"}}}, 200),
        ({"page": "one"}, 500),
        ({"offset": "50"}, 500),
        ({"where": {"key": {"remoteJid": ""}}}, 400),
        ({"where": []}, 400),
        ({"limit": "1"}, 400),
    ],
)
async def test_a_search_is_looked_at_by_the_schema_and_by_the_database(
    evolution: httpx2.AsyncClient, loja: str, body: dict[str, Any], status: int
) -> None:
    await evolution.post(f"/message/sendText/{loja}", json=TEXT)
    answer = await evolution.post(f"/chat/findMessages/{loja}", json=body)

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("mark", [5, "x", []])
async def test_a_read_mark_that_is_no_key_is_dropped(
    evolution: httpx2.AsyncClient, loja: str, mark: Any
) -> None:
    answer = await evolution.post(
        f"/chat/markMessageAsRead/{loja}", json={"readMessages": [mark, KEY]}
    )

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("call", "body", "complaint"),
    [
        ("getBase64FromMediaMessage", {}, "(reading 'key')"),
        ("getBase64FromMediaMessage", {"message": {}}, "(reading 'ephemeralMessage')"),
        ("fetchProfilePictureUrl", {}, "(reading 'replace')"),
        ("updateMessage", {"text": "x", "key": KEY}, "(reading 'replace')"),
        ("updateMessage", {"text": "x", "number": ANA}, "Message not compatible"),
        ("markMessageAsRead", {"readMessages": [None]}, "(reading 'remoteJid')"),
    ],
)
async def test_what_is_missing_and_no_schema_asks_for_is_missed_by_the_code(
    evolution: httpx2.AsyncClient, loja: str, call: str, body: dict[str, Any], complaint: str
) -> None:
    answer = await evolution.post(f"/chat/{call}/{loja}", json=body)

    assert answer.status_code in {400, 500}
    assert complaint in str(answer.json()["response"]["message"])
