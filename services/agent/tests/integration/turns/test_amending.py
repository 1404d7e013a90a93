"""A message that is corrected or deleted before it is answered is answered as it stands now."""

from typing import Any

import pytest

from agent_service.app.contexts import Wake, context_opener
from agent_service.consumers import router
from common.contracts import (
    ChatId,
    Envelope,
    Event,
    EventId,
    IntegrationId,
    MessageDeleted,
    MessageEdited,
    MessageId,
    new_id,
    utc_now,
)

pytestmark = pytest.mark.integration

WHERE = {
    "message_id": MessageId("wa_1"),
    "chat_id": ChatId("cht_1"),
    "integration_id": IntegrationId("int_1"),
}
EDITED = MessageEdited(**WHERE, text="three cakes, please\0")
DELETED = MessageDeleted(**WHERE)


async def happens(desk: Any, event: Event) -> None:
    envelope = Envelope(EventId(new_id("evt")), desk.agent.tenant, utc_now(), event, "test")
    async with context_opener(desk.database, Wake(lambda: None))() as context:
        await router.handle([envelope], context)


async def said(desk: Any) -> list[str]:
    rows = await desk.one("select array_agg(text order by seq) as texts from line")
    return list(rows["texts"])


async def test_a_correction_is_what_the_model_reads(desk: Any) -> None:
    await desk.writes("cht_1", "two cakes, please", message_id=WHERE["message_id"])
    await happens(desk, EDITED)
    model = desk.script("Three it is.")
    await desk.next_worker(model)
    assert [item.text for item in model.asked[0].items][-1] == "three cakes, please"
    assert await said(desk) == ["three cakes, please", "Three it is."]


async def test_what_was_taken_back_is_neither_answered_nor_kept(desk: Any) -> None:
    await desk.writes("cht_1", "my card is 4111", message_id=WHERE["message_id"])
    await happens(desk, DELETED)
    await happens(desk, EDITED)
    await desk.change(unknown_reply="Please write.")
    model = desk.script("never said")
    await desk.next_worker(model)
    assert (model.asked, await said(desk)) == ([], ["[deleted]"])

    await desk.writes("cht_1", "hello?")
    await desk.next_worker(desk.script("Hi."))
    assert await desk.texts("cht_1") == ["Hi."]


async def test_of_a_message_that_is_none_of_ours_nothing_is_written(desk: Any) -> None:
    await desk.writes("cht_1", "hello")
    for event in (EDITED, DELETED):
        await happens(desk, event)
    assert await said(desk) == ["hello"]
