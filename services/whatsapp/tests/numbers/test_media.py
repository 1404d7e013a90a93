"""Files in messages: fetched, checked, kept once, and read by who may."""

import base64
import os
from typing import Any

import pytest

from common.contracts import MediaStored, MessageReceived
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FETCH = "getBase64FromMediaMessage"
PNG = b"\x89PNG\r\n\x1a\n"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def shown(tenant: Any, event: Any) -> dict[str, Any]:
    return dict(await tenant.get(f"/api/media/{event.integration_id}/{event.message_id}"))


@pytest.mark.parametrize("wrap", [None, "view_once"], ids=["inline", "fetched"])
async def test_a_voice_note_is_kept_and_read_by_a_link_that_needs_no_key(
    house: Any, tenant: Any, wrap: str | None
) -> None:
    number = await tenant.open()
    kind = "voice" if wrap is None else "image"
    fetched = await house.fault(number["instance"], "delay", FETCH, seconds=0, times=None)
    await house.write(number["instance"], kind=kind, speech="bom dia", wrap=wrap)

    [received] = await tenant.until_events(MessageReceived)
    [stored] = await tenant.until_events(MediaStored)
    assert received.media.reference is None
    assert (stored.message_id, stored.chat_id) == (received.message_id, received.chat_id)
    assert (stored.kind, stored.failure) == (kind, None)
    assert stored.media.reference.startswith(f"media/{tenant.id}/")
    # View-once files are never in the webhook; others are, and nobody asks for them again.
    assert await house.hits(fetched) == (0 if wrap is None else 1)
    file = await shown(tenant, received)
    assert (file["state"], file["mimetype"]) == ("stored", stored.media.mimetype)
    stranger = await house.evolution.get(f"{house.address}{file['url']}")
    assert stranger.status_code == 200
    assert len(stranger.content) == file["size"] == stored.media.size
    assert stranger.headers["x-content-type-options"] == "nosniff"
    assert stranger.headers["content-type"] == stored.media.mimetype
    assert stranger.headers["content-disposition"].startswith("inline")


async def test_no_file_is_in_an_event_or_in_the_message_that_is_kept(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    content = encoded(PNG + os.urandom(3000))
    await house.write(number["instance"], kind="image", media_base64=content)
    [stored] = await tenant.until_events(MediaStored)

    assert all(content[:400] not in event.model_dump_json() for event in tenant.events())
    [row] = await house.rows(
        "select content::text as content from whatsapp_message where message_id = :id",
        id=stored.message_id,
    )
    assert len(row["content"]) < 1500
    lanes = await house.rows(
        "select 1 from lane where queue = 'media' and tenant_id = :t", t=tenant.id
    )
    assert lanes == []


async def test_a_file_too_large_to_travel_comes_from_the_object_store(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    content = PNG + os.urandom(1_200_000)
    await house.write(number["instance"], "big", kind="image", media_base64=encoded(content))

    [received] = await tenant.until_events(MessageReceived)
    assert received.text == "big"
    [stored] = await tenant.until_events(MediaStored)
    assert stored.media.size == len(content)
    file = await shown(tenant, stored)
    assert (await house.evolution.get(f"{house.address}{file['url']}")).content == content


async def test_the_same_file_is_kept_once_a_tenant(house: Any, tenant: Any) -> None:
    number, other = await tenant.open(), await house.tenant()
    theirs = await other.open()
    content = encoded(PNG + os.urandom(100))
    for instance in (number["instance"], number["instance"], theirs["instance"]):
        await house.write(instance, kind="image", media_base64=content)
    mine = await tenant.until_events(MediaStored, 2)
    [foreign] = await other.until_events(MediaStored)

    assert mine[0].media.reference == mine[1].media.reference
    assert foreign.media.reference != mine[0].media.reference
    peek = await other.http.get(f"/api/media/{mine[0].integration_id}/{mine[0].message_id}")
    assert peek.status_code == 404


async def test_a_file_that_fails_twice_is_kept_at_the_third_try(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    fault = await house.fault(number["instance"], "status", FETCH, status=400, times=2)
    await house.write(number["instance"], kind="image", wrap="view_once")
    [received] = await tenant.until_events(MessageReceived)
    assert (await shown(tenant, received))["state"] == "waiting"

    [stored] = await tenant.until_events(MediaStored, within=30)
    assert (await house.hits(fault), stored.failure) == (2, None)
    assert (await shown(tenant, received))["state"] == "stored"


async def test_a_file_that_fails_for_ever_is_said_to_and_can_be_asked_for_again(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await house.fault(number["instance"], "status", FETCH, status=400, times=None)
    await house.write(number["instance"], "look", kind="image", wrap="view_once")
    [received] = await tenant.until_events(MessageReceived)
    hurry = "update lane set attempts = 11, due_at = now() where queue = 'media' and tenant_id = :t"

    async def given_up() -> bool:
        await house.rows(f"{hurry} and attempts > 0 and not leased", t=tenant.id)
        return bool((await shown(tenant, received))["state"] == "failed")

    await eventually(given_up)
    [failed] = await tenant.until_events(MediaStored)
    assert failed.media.reference is None
    assert "refused" in failed.failure
    [message] = await tenant.get(f"/api/chats/{received.chat_id}/messages")
    assert (message["media"]["state"], message["media"]["reason"]) == ("failed", failed.failure)

    await house.mend()
    path = f"/api/media/{received.integration_id}/{received.message_id}"
    await tenant.post(path, expect=202)
    told = await tenant.until_events(MediaStored, 2)
    assert told[1].media.reference


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"media_base64": encoded(b"MZ\x90\x00"), "mimetype": "image/png"}, "x-msdownload"),
        ({"media_base64": encoded(b"<html><script>"), "mimetype": "image/png"}, "text/html"),
        ({"media_base64": encoded(b"who knows"), "mimetype": "image/png"}, "octet-stream"),
        ({"mimetype": "application/x-sh"}, "application/x-sh"),
        ({"media_base64": encoded(PNG + bytes(2_100_000))}, "the limit is 2000000"),
    ],
    ids=["a program", "a page", "not what it says", "by its type", "too large"],
)
async def test_what_is_not_taken_is_refused_with_the_reason(
    house: Any, tenant: Any, order: dict[str, Any], words: str
) -> None:
    number = await tenant.open()
    kind = "document" if "mimetype" in order and "x-sh" in order["mimetype"] else "image"
    await house.write(number["instance"], kind=kind, **order)

    [refused] = await tenant.until_events(MediaStored)
    assert words in refused.failure
    assert refused.media.reference is None
    file = await shown(tenant, refused)
    assert (file["state"], file["reason"], file["url"]) == ("refused", refused.failure, None)


async def test_a_link_ends_and_nobody_can_make_one(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    await house.write(number["instance"], kind="document", file_name="ção.pdf")
    [stored] = await tenant.until_events(MediaStored)
    url = (await shown(tenant, stored))["url"]
    opened = await house.evolution.get(f"{house.address}{url}")
    assert opened.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%C3%A7%C3%A3o.pdf"
    )
    for forged in (f"{url}x", url[:-4], "/api/files/s1.k1.AAAA", "/api/files/x"):
        answer = await house.evolution.get(f"{house.address}{forged}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), forged


async def test_a_richer_copy_of_a_message_completes_it(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    key = {"remoteJid": "5511988880001@s.whatsapp.net", "fromMe": False, "id": "3ARICHER"}
    head = {"key": key, "pushName": "Ana", "messageTimestamp": 1795469780}
    poor = {**head, "messageType": "placeholderMessage", "message": {"placeholderMessage": {}}}
    rich = {**head, "messageType": "conversation", "message": {"conversation": "now you see me"}}
    for data in (poor, rich, poor):
        await house.control(
            f"/evolution/instances/{number['instance']}/event", event="MESSAGES_UPSERT", data=data
        )
        await eventually(lambda: bool(tenant.events(MessageReceived)))

    async def complete() -> bool:
        [row] = await house.rows(
            "select kind, text from whatsapp_message where tenant_id = :t", t=tenant.id
        )
        return (row["kind"], row["text"]) == ("text", "now you see me")

    await eventually(complete)
    assert len(tenant.events(MessageReceived)) == 1
