"""What somebody wrote in a group is named to Evolution as the group names it."""

from typing import Any
from uuid import uuid4

import pytest
from outgoing import order
from whatsapp_stage import until_sent

from common.contracts import ChatId, MessageSent, ReactionMessage

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PHONE, LID = "553188880001", "200000000000001"
"""WhatsApp knows this phone without the ninth digit, and we keep it with it."""
PHONE_JID, LID_JID = f"{PHONE}@s.whatsapp.net", f"{LID}@lid"


async def written(stage: Any, number: Any, **who: Any) -> tuple[ChatId, str]:
    """Let somebody write in a group of the number's; gives the chat and the message."""
    path = f"/evolution/instances/{number.instance}/inbound"
    message = (await stage.control(path, text="oi", **who))["message_id"]
    row = await stage.until_row(
        number,
        "select chat_id from whatsapp_message where integration_id = :id and message_id = :m",
        m=message,
    )
    return ChatId(row["chat_id"]), message


async def reacted(stage: Any, number: Any, chat: ChatId, message: str) -> dict[str, Any]:
    """React to a message; gives what Evolution noted of it."""
    await order(stage, number, chat, ReactionMessage(to=message, emoji="👍"))
    await until_sent(stage, number, 1)
    [row] = await stage.sent(number)
    return dict(row)


def a_group() -> str:
    return f"120363{uuid4().int % 10**12:012}@g.us"


@pytest.mark.parametrize(
    ("who", "participant"),
    [
        ({"from": PHONE, "lid": LID, "addressing": "lid"}, LID_JID),
        ({"from": PHONE, "lid": LID, "addressing": "pn"}, PHONE_JID),
        ({"lid": LID}, LID_JID),
        ({"from": PHONE}, PHONE_JID),
    ],
    ids=["by LID", "by phone", "phone unknown", "LID unknown"],
)
async def test_a_reaction_names_who_wrote_as_the_group_does(
    stage: Any, who: dict[str, Any], participant: str
) -> None:
    number, group = await stage.number(live=True), a_group()
    chat, message = await written(stage, number, group=group, **who)

    row = await reacted(stage, number, chat, message)

    key = {"remoteJid": group, "fromMe": False, "id": message, "participant": participant}
    assert row["body"]["key"] == key
    assert row["unseen"] is None


@pytest.mark.parametrize(
    ("who", "participant"),
    [
        ({"from": PHONE, "lid": LID, "addressing": "lid"}, LID_JID),
        ({"lid": LID}, LID_JID),
        ({"from": "14155550100"}, "14155550100@s.whatsapp.net"),
    ],
    ids=["both known", "phone unknown", "LID unknown"],
)
async def test_of_messages_from_before_the_best_name_known_is_taken(
    stage: Any, who: dict[str, Any], participant: str
) -> None:
    number = await stage.number(live=True)
    chat, message = await written(stage, number, group=a_group(), **who)
    await stage.rows(
        "update whatsapp_message set participant = null where message_id = :m returning 1",
        m=message,
    )

    row = await reacted(stage, number, chat, message)

    assert row["body"]["key"]["participant"] == participant
    assert row["unseen"] is None


async def test_what_needs_no_participant_has_none(stage: Any) -> None:
    number, group = await stage.number(live=True), a_group()
    chat, _ = await written(stage, number, group=group, **{"from": PHONE, "lid": LID})
    alone, hers = await written(stage, number, **{"from": PHONE, "lid": LID})
    _, owners = await written(stage, number, group=group, from_me=True)
    await stage.send(number, chat, "hello")
    [ours] = await stage.until_events(number, MessageSent)
    about = [(alone, hers), (chat, owners), (chat, ours.message_id)]
    for where, target in about:
        await order(stage, number, where, ReactionMessage(to=target, emoji="👍"))

    await until_sent(stage, number, 4)
    keys = [r["body"]["key"] for r in await stage.sent(number) if r["kind"] == "reaction"]
    assert {key["id"]: key.get("participant") for key in keys} == {
        target: None for _, target in about
    }
    kept = await stage.rows(
        "select message_id from whatsapp_message"
        " where integration_id = :id and participant is not null",
        id=number.id,
    )
    assert len(kept) == 1, "what somebody else wrote in the group, and nothing else"
