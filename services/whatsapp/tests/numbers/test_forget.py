"""A chat that is to be forgotten: no words and no files of it stay, and nobody else loses any."""

import base64
import os
from typing import Any

import pytest

from common.contracts import (
    CommandId,
    ForgetChat,
    MediaStored,
    MessageSent,
    SendMessage,
    Text,
    new_id,
)
from common.storage import ObjectStore
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ANA, RUI = "5511988880001", "5511988880002"


def picture() -> str:
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(200)).decode()


async def sends(house: Any, tenant: Any, number: Any, phone: str, content: str) -> Any:
    """Let somebody send a picture; gives what was stored of it."""
    before = len(tenant.events(MediaStored))
    more = {"kind": "image", "media_base64": content, "from": phone}
    await house.write(number["instance"], "look at my card", **more)
    return (await tenant.until_events(MediaStored, before + 1))[-1]


async def test_words_and_files_of_a_chat_go_and_what_others_have_stays(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    shared, ours = picture(), picture()
    own = await sends(house, tenant, number, ANA, picture())
    both = await sends(house, tenant, number, ANA, shared)
    library = await sends(house, tenant, number, ANA, ours)
    theirs = await sends(house, tenant, number, RUI, shared)
    chat = {"chat_id": own.chat_id, "integration_id": own.integration_id}
    said = SendMessage(command_id=CommandId(new_id("cmd")), content=Text(text="my card"), **chat)
    await house.publish(tenant, said)
    await tenant.until_events(MessageSent)

    forget = ForgetChat(**chat, keep_files=(library.media.reference,))
    for _ in range(2):
        await house.publish(tenant, forget)

    store = ObjectStore(house.settings.object_store_url)

    async def deleted() -> bool:
        return not await store.exists(own.media.reference)

    await eventually(deleted, what="the file deleted")
    for kept in (both, library):
        assert await store.exists(kept.media.reference)
    messages = await tenant.get(f"/api/chats/{own.chat_id}/messages")
    assert {(one["text"], one["media"]) for one in messages} == {("", None)}
    for table in ("whatsapp_message", "outbound", "media", "chat"):
        rows = await house.rows(
            f"select t::text as row from {table} t where t::text like '%' || :chat || '%'",
            chat=own.chat_id,
        )
        assert not [row for row in rows if "card" in row["row"] or "Ana" in row["row"]], table
    [other] = await tenant.get(f"/api/chats/{theirs.chat_id}/messages")
    assert (other["text"], other["media"]["state"]) == ("look at my card", "stored")

    await house.publish(tenant, said)
    again = await tenant.until_events(MessageSent, 2)
    assert again[1].text == "", "what is asked for again is answered without the words"


async def test_who_wrote_in_a_group_goes_with_what_they_wrote(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    group = {"group": "120363000000000001@g.us", "lid": "200000000000001", "kind": "image"}
    await house.write(number["instance"], "look", **group, media_base64=picture())
    [own] = await tenant.until_events(MediaStored)
    await house.publish(tenant, ForgetChat(chat_id=own.chat_id, integration_id=own.integration_id))

    async def gone() -> bool:
        [row] = await house.rows(
            "select participant, text from whatsapp_message where chat_id = :chat", chat=own.chat_id
        )
        return (row["participant"], row["text"]) == (None, "")

    await eventually(gone, what="the writer forgotten")


async def test_a_chat_of_another_tenant_is_left_alone(house: Any, tenant: Any) -> None:
    number, stranger = await tenant.open(), await house.tenant()
    mine = await sends(house, tenant, number, ANA, picture())
    theirs = await stranger.open()
    hers = await sends(house, stranger, theirs, ANA, picture())
    foreign = ForgetChat(chat_id=mine.chat_id, integration_id=mine.integration_id)
    await house.publish(stranger, foreign)
    own = ForgetChat(chat_id=hers.chat_id, integration_id=hers.integration_id)
    await house.publish(stranger, own)

    async def hers_is_gone() -> bool:
        [one] = await stranger.get(f"/api/chats/{hers.chat_id}/messages")
        return bool(one["text"] == "")

    await eventually(hers_is_gone)
    [kept] = await tenant.get(f"/api/chats/{mine.chat_id}/messages")
    assert (kept["text"], kept["media"]["state"]) == ("look at my card", "stored")
