"""Files are deleted when they are old, where an operator says so; what is newer stays."""

import base64
import os
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Keyring, generate_keyring
from common.contracts import MediaStored, utc_now
from common.storage import ObjectStore
from whatsapp_service.app.contexts import Wake, context_opener
from whatsapp_service.domain.usecases.retention import FileRetention

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def keeping(house: Any, *, days: int, later: int) -> FileRetention:
    """The chore as it works, so many days from now, in batches of two."""
    keyring = Keyring.parse(generate_keyring())
    store = ObjectStore(house.settings.object_store_url)
    open_context = context_opener(house.database, keyring, Wake(lambda: None))
    return FileRetention(open_context, store, lambda: utc_now() + timedelta(days=later), days, 2)


async def a_file(house: Any, number: dict[str, Any], content: bytes) -> None:
    encoded = base64.b64encode(content).decode()
    await house.write(number["instance"], kind="image", media_base64=encoded)


async def test_an_old_file_is_deleted_with_all_that_share_it_and_the_messages_stay(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    shared = b"\x89PNG\r\n\x1a\n" + os.urandom(500)
    for content in (shared, shared, shared[:200], shared[:300]):
        await a_file(house, number, content)
    stored = await tenant.until_events(MediaStored, 4)
    references = {one.media.reference for one in stored}
    assert len(references) == 3
    assert all(f"media/{tenant.id}/{utc_now():%Y-%m-%d}/" in one for one in references)
    path = f"/api/media/{stored[0].integration_id}/{stored[0].message_id}"
    link = (await tenant.get(path))["url"]

    store = ObjectStore(house.settings.object_store_url)
    young = keeping(house, days=30, later=30)
    assert not await young.expire()
    assert all([await store.exists(one) for one in references])

    old = keeping(house, days=30, later=31)
    while await old.expire():
        pass
    assert not any([await store.exists(one) for one in references])
    file = await tenant.get(path)
    assert (file["state"], file["reason"]) == ("expired", "files are kept for 30 days")
    assert (file["url"], file["size"]) == (None, stored[0].media.size)
    assert (await house.evolution.get(f"{house.address}{link}")).status_code == 404
    [messages] = [
        await tenant.get(f"/api/chats/{chat['id']}/messages")
        for chat in await tenant.get("/api/chats")
    ]
    assert [one["media"]["state"] for one in messages] == ["expired"] * 4


async def test_who_died_between_the_store_and_the_table_ends_it_next_time(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await a_file(house, number, b"\x89PNG\r\n\x1a\n" + os.urandom(400))
    [stored] = await tenant.until_events(MediaStored)
    await ObjectStore(house.settings.object_store_url).delete(stored.media.reference)

    chore = keeping(house, days=1, later=2)
    while await chore.expire():
        pass
    path = f"/api/media/{stored.integration_id}/{stored.message_id}"
    assert (await tenant.get(path))["state"] == "expired"


async def test_what_lies_under_no_day_is_left_alone(house: Any, tenant: Any) -> None:
    """It may be the media library's, which names files by their hash alone."""
    number = await tenant.open()
    await a_file(house, number, b"\x89PNG\r\n\x1a\n" + os.urandom(300))
    [stored] = await tenant.until_events(MediaStored)
    elsewhere = f"media/{tenant.id}/{'a' * 64}"
    await house.rows(
        "update media set reference = :r where message_id = :m", r=elsewhere, m=stored.message_id
    )
    chore = keeping(house, days=1, later=9)
    while await chore.expire():
        pass
    [row] = await house.rows("select state from media where message_id = :m", m=stored.message_id)
    assert row["state"] == "stored"
