"""What is sent in a group about what somebody else wrote there."""

from __future__ import annotations

import httpx2
import pytest

ANA = "5511988880001"
GROUP = "120363000000000001@g.us"
ANA_PHONE, ANA_LID = f"{ANA}@s.whatsapp.net", "200000000000001@lid"


async def written_in_group(door: httpx2.AsyncClient, loja: str, addressing: str) -> str:
    """Let Ana write in a group that addresses people this way; gives the message's id."""
    order = {"from": ANA, "lid": ANA_LID, "group": GROUP, "addressing": addressing, "text": "hi"}
    answer = await door.post(f"/evolution/instances/{loja}/inbound", json=order)
    return str(answer.json()["message_id"])


@pytest.mark.parametrize(
    ("addressing", "participant", "unseen"),
    [
        ("lid", ANA_LID, None),
        ("pn", ANA_PHONE, None),
        ("lid", ANA_PHONE, f"the group knows {ANA_LID}, and not {ANA_PHONE}"),
        ("pn", ANA_LID, f"the group knows {ANA_PHONE}, and not {ANA_LID}"),
        ("pn", None, "its key names no participant, and its target is somebody else's in a group"),
    ],
)
async def test_a_reaction_in_a_group_is_seen_only_where_its_key_says_who_wrote(
    evolution: httpx2.AsyncClient,
    door: httpx2.AsyncClient,
    loja: str,
    addressing: str,
    participant: str | None,
    unseen: str | None,
) -> None:
    key = {
        "remoteJid": GROUP,
        "fromMe": False,
        "id": await written_in_group(door, loja, addressing),
    }
    key |= {"participant": participant} if participant else {}
    body = {"key": key, "reaction": "👍"}
    answer = await evolution.post(f"/message/sendReaction/{loja}", json=body)

    assert answer.status_code == 201, "Evolution says yes to all of them"
    assert answer.json()["message"]["reactionMessage"]["key"] == key
    [sent] = (await door.get("/evolution/sent")).json()
    assert sent["unseen"] == unseen


@pytest.mark.parametrize(("addressing", "author"), [("lid", ANA_LID), ("pn", ANA_PHONE)])
async def test_what_is_quoted_in_a_group_keeps_who_wrote_it(
    evolution: httpx2.AsyncClient,
    door: httpx2.AsyncClient,
    loja: str,
    addressing: str,
    author: str,
) -> None:
    quoted = {"key": {"id": await written_in_group(door, loja, addressing)}}
    body = {"number": GROUP, "text": "hello", "quoted": quoted}
    answer = await evolution.post(f"/message/sendText/{loja}", json=body)

    assert answer.json()["contextInfo"]["participant"] == author
