"""What Evolution tells becomes rows and events, on real Kafka and Postgres."""

from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
from common.contracts import MessageReceived

async def test_a_text_is_stored_and_announced_once_however_often_it_comes(stage: Any) -> None:
    number = await stage.number()
    body = number.said("hello", id="3A1")
    again = stage.webhook(number, body)
    await stage.publish(again, again, stage.webhook(number, body))
    await stage.tell(number, body, integration_id=None, generation=None)
    await stage.tell(number, number.said("the last", id="3A2"))

    received = await stage.until_events(number, MessageReceived, 2)
    assert [(e.text, e.message_id) for e in received] == [("hello", "3A1"), ("the last", "3A2")]
