"""What Evolution's own schemas refuse, word for word, and what they let pass."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

ANA = "5511988880001"
KEY = {"id": "3A1", "remoteJid": f"{ANA}@s.whatsapp.net", "fromMe": False}
ROW = {"title": "r", "rowId": "1"}
SHORT = "does not meet minimum length of"


def a_list(*rows: dict[str, Any]) -> dict[str, Any]:
    sections = [{"title": "s", "rows": list(rows)}]
    return {"title": "t", "buttonText": "b", "footerText": "", "sections": sections}


def cards(**card: str) -> dict[str, Any]:
    return {"contact": [{"fullName": "Bia", "phoneNumber": "5511977770001", **card}]}


def poll(*values: str, selectable: float = 1) -> dict[str, Any]:
    return {"name": "q", "selectableCount": selectable, "values": values}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("message/sendMedia", {"mediatype": "ptv"}, "mediatype is not one of enum values: image,doc"),
    ("message/sendText", {"text": "x", "number": 5}, "Invalid format"),
    ("message/sendText", {"text": "x", "mentioned": []}, f"mentioned {SHORT} 1"),
    ("message/sendText", {"text": "x", "mentioned": ["@ana"]}, '"mentioned" must be an array'),
    ("message/sendText", {"text": "x", "mentioned": ["1", "1"]}, "contains duplicate item"),
    ("message/sendText", {"text": "x", "quoted": {"key": {}}}, 'key requires property "id"'),
    ("message/sendText", {"text": "x", "quoted": {"key": {"id": ""}}}, 'The "id" cannot be empty'),
    ("message/sendLocation", {"latitude": 1, "longitude": 2}, 'requires property "name"'),
    ("message/sendContact", cards(wuid="190"), '"wuid" must be a numeric string'),
    ("message/sendContact", cards(phoneNumber="190"), f"contact[0].phoneNumber {SHORT} 10"),
    ("message/sendContact", {"contact": []}, f"contact {SHORT} 1"),
    ("message/sendList", a_list(), f"sections[0].rows {SHORT} 1"),
    ("message/sendList", a_list(ROW, ROW), "sections[0].rows contains duplicate item"),
    ("message/sendList", a_list({**ROW, "description": ""}), 'The "description" cannot be empty'),
    ("message/sendButtons", {"title": "t", "buttons": [{"type": "x"}]}, "buttons[0].type is not"),
    ("message/sendPoll", poll("a"), f"values {SHORT} 2"),
    ("message/sendPoll", poll(*"abcdefghijk"), "values does not meet maximum length of 10"),
    ("message/sendPoll", poll("a", "b", selectable=11), "must be less than or equal to 10"),
    ("message/sendPoll", poll("a", "b", selectable=-1), "must be greater than or equal to 0"),
    ("chat/sendPresence", {"presence": "typing", "delay": 1}, "presence is not one of enum values"),
    ("chat/markMessageAsRead", {"readMessages": [KEY, KEY]}, "contains duplicate item"),
    ("chat/whatsappNumbers", {"numbers": [5]}, '"numbers" must be an array of numeric strings'),
    ("chat/updateMessage", {"text": "", "key": KEY}, 'The "text" cannot be empty'),
    ("chat/findMessages", {"where": {"key": {"id": ""}}}, "The property cannot be empty"),
    ("chat/findStatusMessage", {"where": {"status": "SENT"}}, "where.status is not one of enum"),
    ("chat/findContacts", {"where": {"remoteJid": ""}}, f"where.remoteJid {SHORT} 1"),
    ("webhook/set", {"webhook": {"enabled": 1, "url": "u"}}, "webhook.enabled is not of a type"),
]


@pytest.mark.parametrize(("call", "body", "complaint"), REFUSED)
async def test_what_a_schema_refuses_is_refused_in_its_words(
    evolution: httpx2.AsyncClient, loja: str, call: str, body: dict[str, Any], complaint: str
) -> None:
    answer = await evolution.post(f"/{call}/{loja}", json={"number": ANA, **body})

    assert answer.status_code == 400
    [problems] = answer.json()["response"]["message"]
    assert complaint in " · ".join(problems)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("message/sendText", {"text": "x", "delay": 5.0, "unknown": [1]}),
        ("message/sendContact", cards(fullName="")),
        ("message/sendList", a_list(ROW)),
        ("message/sendPoll", poll("a", "b", selectable=0)),
        ("chat/sendPresence", {"presence": "composing", "delay": 0.5}),
        ("chat/whatsappNumbers", {}),
    ],
)
async def test_what_a_schema_lets_pass_is_taken(
    evolution: httpx2.AsyncClient, loja: str, call: str, body: dict[str, Any]
) -> None:
    answer = await evolution.post(f"/{call}/{loja}", json={"number": ANA, **body})

    assert answer.is_success, answer.text


async def test_a_phone_with_a_plus_sign_is_no_number_of_an_instance(
    evolution: httpx2.AsyncClient,
) -> None:
    body = {"instanceName": "x", "integration": "WHATSAPP-BAILEYS", "number": "+5511988880001"}
    answer = await evolution.post("/instance/create", json=body)

    [[complaint]] = answer.json()["response"]["message"]
    assert complaint.startswith("number does not match pattern")


async def test_a_file_arrives_as_what_its_name_says(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    body = {"number": ANA, "mediatype": "document", "media": "JVBERg==", "mimetype": "text/plain"}
    types = []
    for name in ("a.pdf", "contract"):
        answer = await evolution.post(f"/message/sendMedia/{loja}", json={**body, "fileName": name})
        types.append(answer.json()["message"]["documentMessage"]["mimetype"])

    assert types == ["application/pdf", "false"]


async def test_the_cloud_channel_shows_less_of_buttons_and_wants_more_of_lists(
    evolution: httpx2.AsyncClient,
) -> None:
    order = {"instanceName": "cloud", "integration": "WHATSAPP-BUSINESS", "token": "meta"}
    await evolution.post("/instance/create", json={**order, "number": "123", "businessId": "2"})
    buttons = {"title": "T", "description": "lost", "buttons": [{"type": "reply", "id": "1"}]}

    shown = await evolution.post("/message/sendButtons/cloud", json={"number": ANA, **buttons})
    refused = await evolution.post("/message/sendList/cloud", json={"number": ANA, **a_list(ROW)})

    assert shown.json()["message"] == {"conversation": "T"}
    assert refused.status_code == 500
    assert "substring" in refused.json()["response"]["message"]
