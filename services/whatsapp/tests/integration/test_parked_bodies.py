"""Bodies that were too large to travel: read from where they are parked, buried as they came."""

from typing import Any

import orjson
import pytest

from common.contracts import MessageReceived
from common.storage import ObjectStore

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def parked(stage: Any, number: Any, name: str, body: dict[str, Any]) -> Any:
    """Park a body, as the gateway does, and give the webhook that says where."""
    place = f"parked/{number.id}-{name}.json"
    store = ObjectStore(stage.settings.object_store_url)
    await store.put(place, orjson.dumps(body), "application/json")
    return stage.webhook(number, None, parked=place)


async def test_a_large_webhook_that_nobody_can_read_blocks_no_dead_letter_behind_it(
    stage: Any,
) -> None:
    number = await stage.number()
    large = number.body("messages.teleported", {"x": "a" * 1_500_000})
    webhooks = [
        await parked(stage, number, "large", large),
        stage.webhook(number, number.body("messages.teleported", {})),
        stage.webhook(number, None, parked="parked/gone.json"),
    ]
    await stage.publish(*webhooks)
    await stage.publish(await parked(stage, number, "hello", number.said("hello")))

    reasons = [(await stage.until_dead(webhook)).reason for webhook in webhooks]
    assert "unknown event" in reasons[0]
    assert "unknown event" in reasons[1]
    assert "has no body" in reasons[2]
    [received] = await stage.until_events(number, MessageReceived)
    assert received.text == "hello"


async def test_what_only_looks_like_a_parked_body_is_read_as_what_it_is(stage: Any) -> None:
    number = await stage.number()
    stranger = stage.webhook(number, {"instance": number.instance, "parked": "/etc/passwd"})
    await stage.publish(stranger)
    assert "names no event" in (await stage.until_dead(stranger)).reason
