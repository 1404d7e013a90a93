"""What could not be read is kept whole: until its chat is forgotten, or its time has passed."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts import ForgetChat, utc_now
from whatsapp_service.domain.usecases import commands
from whatsapp_service.domain.usecases.retention import UnreadRetention

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ANA, LID, RUI = "5511988880001@s.whatsapp.net", "77001122@lid", "5511988880002@s.whatsapp.net"
_KEPT = "select body from inbound_event where tenant_id = :t order by received_at"


def strange(number: Any, jid: str, **options: Any) -> dict[str, Any]:
    message = {"hologramMessage": {"title": f"of {jid}"}}
    said: dict[str, Any] = number.said(
        "", kind="hologramMessage", message=message, jid=jid, **options
    )
    return said


def lost_edit(number: Any, jid: str) -> dict[str, Any]:
    key = {"remoteJid": jid, "fromMe": False, "id": "3ANEVER"}
    edit = {"key": key, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "better"}}
    body: dict[str, Any] = number.body("messages.edited", edit)
    return body


async def test_they_go_with_their_chat_by_whatever_name_they_came(stage: Any) -> None:
    number = await stage.number()
    await stage.take_in(number, [lost_edit(number, LID), strange(number, RUI)])
    both = number.said("oi", jid=ANA)
    both["data"]["key"]["remoteJidAlt"] = LID
    await stage.take_in(number, [both, strange(number, ANA)])
    assert len(await stage.rows(_KEPT, t=number.tenant)) == 3

    [ana] = {
        row["chat_id"]
        for row in await stage.rows(
            "select chat_id from alias where integration_id = :id and alias like '%0001'",
            id=number.id,
        )
    }
    async with stage.open_context() as context:
        forget = ForgetChat(chat_id=ana, integration_id=number.id)
        await commands.forget(context, number.tenant, forget)

    [kept] = await stage.rows(_KEPT, t=number.tenant)
    assert kept["body"]["data"]["message"] == {"hologramMessage": {"title": f"of {RUI}"}}


async def test_they_go_when_their_time_has_passed_a_batch_at_a_time(stage: Any) -> None:
    number = await stage.number()
    await stage.take_in(number, [strange(number, RUI, id=f"3A{n}") for n in range(3)])

    def chore(later: int) -> UnreadRetention:
        moment = utc_now() + timedelta(days=later)
        return UnreadRetention(stage.open_context, lambda: moment, days=30, batch=2)

    assert not await chore(29).expire()
    assert len(await stage.rows(_KEPT, t=number.tenant)) == 3
    while await chore(31).expire():
        pass
    assert await stage.rows(_KEPT, t=number.tenant) == []
