"""What happens to messages and numbers later, told in any order, on real Kafka and Postgres."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts import (
    CallReceived,
    ConnectionChanged,
    ConnectionState,
    MessageDeleted,
    MessageEdited,
    MessageKind,
    MessageReceived,
    QrCodeRefreshed,
    new_id,
    utc_now,
)

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LID = "200000000000001@lid"
PHONE = "5511988880001@s.whatsapp.net"
WHOLE_CHAT = "select text from whatsapp_message where integration_id = :id and chat_id = :chat"


KEY = {"remoteJid": PHONE, "fromMe": False, "id": "3AED"}
BETTER = {"conversation": "better"}
BY_ITSELF = ("messages.edited", {"key": KEY, "type": "MESSAGE_EDIT", "editedMessage": BETTER})
UPDATE = {"keyId": "3AED", "remoteJid": LID, "fromMe": False, "status": "SERVER_ACK"}
AS_UPDATE = ("messages.update", {**UPDATE, "message": {"editedMessage": {"message": BETTER}}})
"""The same edit, as Evolution tells it twice; we subscribe to the second way only."""


@pytest.mark.parametrize("told", [[BY_ITSELF], [AS_UPDATE], [BY_ITSELF, AS_UPDATE]])
async def test_an_edit_and_a_deletion_change_the_message_they_name(
    stage: Any, told: list[tuple[str, Any]]
) -> None:
    number = await stage.number()
    await stage.tell(number, number.said("bettr", id="3AED"))
    for event, data in told:
        await stage.tell(number, number.body(event, data))
    await stage.tell(number, number.body("messages.delete", {**KEY, "status": "DELETED"}))

    await stage.until_events(number, MessageDeleted)
    received, edited, deleted = stage.events(number)
    assert isinstance(received, MessageReceived)
    assert isinstance(edited, MessageEdited)
    assert edited.text == "better"
    assert {edited.chat_id, deleted.chat_id} == {received.chat_id}
    [row] = await stage.rows("select * from whatsapp_message where tenant_id = :t", t=number.tenant)
    assert row["text"] == "better"
    assert row["edited_at"] is not None
    assert row["deleted_at"] is not None


async def test_a_deletion_in_the_batch_of_its_message_is_announced_after_it(stage: Any) -> None:
    number = await stage.number()
    key = {"remoteJid": PHONE, "fromMe": False, "id": "3AX"}
    await stage.take_in(
        number, [number.body("messages.delete", key), number.said("oops", id="3AX")]
    )

    await stage.until_events(number, MessageDeleted)
    assert [type(e) for e in stage.events(number)] == [MessageReceived, MessageDeleted]


async def test_an_edit_of_a_message_that_we_do_not_have_is_kept_whole(stage: Any) -> None:
    number = await stage.number()
    key = {"remoteJid": PHONE, "fromMe": False, "id": "3ANEVER"}
    edit = {"key": key, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "better"}}
    await stage.tell(number, number.body("messages.edited", edit))

    kept = await stage.until_row(number, "select * from inbound_event where integration_id = :id")
    assert "do not have" in kept["reason"]
    assert kept["body"]["data"]["editedMessage"] == {"conversation": "better"}


async def test_what_we_cannot_read_is_kept_whole_and_announced_as_unsupported(stage: Any) -> None:
    number = await stage.number()
    strange = {"hologramMessage": {"title": "a\0b"}}
    await stage.tell(number, number.said("", kind="hologramMessage", message=strange))

    [received] = await stage.until_events(number, MessageReceived)
    assert received.kind == MessageKind.UNSUPPORTED
    [kept] = await stage.rows("select * from inbound_event where tenant_id = :t", t=number.tenant)
    assert kept["event"] == "messages.upsert"
    assert kept["reason"]
    assert kept["body"]["data"]["message"] == {"hologramMessage": {"title": "a\ufffdb"}}


async def test_what_can_never_be_taken_in_is_in_the_dead_letters_with_its_reason(
    stage: Any,
) -> None:
    number = await stage.number()
    hello = number.said("hello")
    refused = {
        "unknown instance 'nobody'": stage.webhook(
            number, {**hello, "instance": "nobody"}, integration_id=None, instance="nobody"
        ),
        "no longer exists": stage.webhook(number, hello, integration_id=new_id("int")),
        "was rotated": stage.webhook(number, hello, generation=7),
        "unknown event 'messages.teleported'": stage.webhook(
            number, number.body("messages.teleported", {})
        ),
        "has no body": stage.webhook(number, None),
        "names no event": stage.webhook(number, {"instance": number.instance}),
    }
    await stage.tell(number, number.said("before"))
    await stage.publish(*refused.values())
    await stage.tell(number, number.said("after"))

    for reason, webhook in refused.items():
        letter = await stage.until_dead(webhook)
        assert reason in letter.reason
        assert letter.topic == "gateway.evolution-webhooks.v1"
    received = await stage.until_events(number, MessageReceived, 2)
    assert [e.text for e in received] == ["before", "after"]


async def test_a_storm_of_connection_updates_costs_one_event_per_real_change(stage: Any) -> None:
    number = await stage.number()
    storm = [number.state("connecting")] * 2000
    await stage.tell(number, *storm, number.state("open"), number.state("open"))
    again = [number.state("connecting")] * 200
    await stage.tell(number, *again, number.state("close", 401))
    logged_out = {"instance": number.instance, "status": "closed", "disconnectionReasonCode": 401}
    await stage.tell(number, number.body("status.instance", logged_out))
    await stage.tell(number, number.body("logout.instance", None), number.call("the last"))

    await stage.until_events(number, CallReceived)
    changes = stage.events(number, ConnectionChanged)
    assert [(e.previous, e.state) for e in changes] == [
        (ConnectionState.OPEN, ConnectionState.CONNECTING),
        (ConnectionState.CONNECTING, ConnectionState.OPEN),
        (ConnectionState.OPEN, ConnectionState.CONNECTING),
        (ConnectionState.CONNECTING, ConnectionState.NEEDS_SCAN),
    ]
    assert "Scan the QR code" in changes[-1].reason


@pytest.mark.parametrize("batches", [1, 2], ids=["in one batch", "in two batches"])
async def test_an_open_that_overtakes_its_connecting_leaves_the_number_open(
    stage: Any, batches: int
) -> None:
    number = await stage.number(state=ConnectionState.NEEDS_SCAN)
    then = utc_now()
    told = [
        number.state("open", told_at=then),
        number.state("connecting", told_at=then - timedelta(seconds=20)),
        number.state("connecting", told_at=then),
    ]
    for batch in [told] if batches == 1 else [[one] for one in told]:
        await stage.take_in(number, batch)
    await stage.take_in(number, [number.call("the last")])

    await stage.until_events(number, CallReceived)
    states = [e.state for e in stage.events(number, ConnectionChanged)]
    assert states[-1] == ConnectionState.OPEN
    assert len(states) == (2 if batches == 1 else 1)
    [row] = await stage.rows("select state from integration where id = :id", id=number.id)
    assert row["state"] == ConnectionState.OPEN


async def test_a_server_whose_clock_was_put_back_is_still_believed(stage: Any) -> None:
    number = await stage.number()
    hour = timedelta(hours=1)
    await stage.take_in(number, [number.state("connecting"), number.state("open")])
    await stage.take_in(number, [number.state("close", 401, told_at=utc_now() - hour)])

    changes = await stage.until_events(number, ConnectionChanged, 3)
    assert changes[-1].state == ConnectionState.NEEDS_SCAN


async def test_a_qr_code_is_stored_while_it_can_be_scanned(stage: Any) -> None:
    number = await stage.number(state=ConnectionState.CONNECTING)
    await stage.tell(number, number.qr("2@first"), number.qr("2@second"))
    shown = await stage.until_row(
        number, "select * from integration where id = :id and qr_code = '2@second'"
    )
    assert shown["state"] == ConnectionState.QR
    assert shown["qr_image"].startswith("data:image/png")

    wuid = f"{number.phone}@s.whatsapp.net"
    await stage.tell(number, number.state("open", wuid=wuid, profileName="Loja"))
    opened = await stage.until_row(
        number, "select * from integration where id = :id and state = 'open'"
    )
    assert (opened["qr_image"], opened["qr_code"], opened["qr_at"]) == (None, None, None)
    assert (opened["phone"], opened["profile_name"]) == (f"+{number.phone}", "Loja")
    await stage.until_events(number, ConnectionChanged, 2)
    kinds = [type(e) for e in stage.events(number)]
    assert kinds == [ConnectionChanged, QrCodeRefreshed, QrCodeRefreshed, ConnectionChanged]


async def test_a_qr_code_that_comes_after_the_scan_does_not_close_the_number(stage: Any) -> None:
    number = await stage.number(state=ConnectionState.OPEN)
    await stage.tell(number, number.qr("2@overtaken"), number.call("the last"))

    await stage.until_events(number, CallReceived)
    assert [type(e) for e in stage.events(number)] == [CallReceived]
    [row] = await stage.rows("select * from integration where id = :id", id=number.id)
    assert (row["state"], row["qr_code"]) == (ConnectionState.OPEN, None)


async def test_a_message_that_comes_long_after_it_was_written_is_stale(stage: Any) -> None:
    number = await stage.number()
    old = utc_now() - timedelta(hours=2)
    await stage.tell(number, number.said("old", at=old), number.said("new"))

    received = await stage.until_events(number, MessageReceived, 2)
    assert [(e.text, e.stale) for e in received] == [("old", True), ("new", False)]
    assert abs(received[0].sent_at - old) < timedelta(seconds=2)
