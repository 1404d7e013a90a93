"""What is deliberately no event is counted, by reasons that are few."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from common.contracts import IntegrationId
from whatsapp_service.app.ignored import CountingIgnored
from whatsapp_service.domain.model import Ignored
from whatsapp_service.providers.evolution import translate

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
STORY = {"key": {"id": "3A1", "remoteJid": "status@broadcast"}, "message": {"conversation": "oi"}}


def counted(reason: str) -> float:
    return REGISTRY.get_sample_value("parley_webhooks_ignored_total", {"reason": reason}) or 0.0


def tell(event: str, data: Any) -> None:
    body = {"event": event, "instance": "padaria", "data": data}
    said = CountingIgnored(translate)(body, integration=IntegrationId("int_1"), now=NOW)
    assert said == translate(body, integration=IntegrationId("int_1"), now=NOW)


@pytest.mark.parametrize(
    ("event", "data", "reason"),
    [
        ("presence.update", {}, "who is online or typing is not kept"),
        ("messages.upsert", STORY, "status stories are not conversations"),
        (
            "messages.update",
            {"keyId": "3A1", "fromMe": True, "status": "NEW"},
            "a status we do not know",
        ),
        ("messages.upsert", [], "messages.upsert came with nothing in it"),
    ],
)
def test_what_is_left_out_is_counted_by_its_reason(event: str, data: Any, reason: str) -> None:
    before = counted(reason)

    tell(event, data)

    assert counted(reason) == before + 1


def test_each_of_several_counts_and_what_becomes_an_event_does_not() -> None:
    stories = counted("status stories are not conversations")
    heard = {"key": {"id": "3A2", "remoteJid": "5521955550002@s.whatsapp.net"}}

    tell("messages.upsert", [STORY, {**STORY, **heard}, STORY])

    assert counted("status stories are not conversations") == stories + 2


def test_the_words_of_a_provider_make_no_labels() -> None:
    for word in ("one", "two (three)", "four)"):
        tell("messages.update", {"keyId": "3A1", "fromMe": True, "status": word})

    reasons = {
        sample.labels["reason"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "parley_webhooks_ignored_total"
    }
    assert "a status we do not know" in reasons
    assert not [reason for reason in reasons if "one" in reason.split() or "four" in reason]


def test_nothing_is_ignored_without_a_reason() -> None:
    [said] = translate(
        {"event": "chats.delete", "data": {}}, integration=IntegrationId("int_1"), now=NOW
    )

    assert isinstance(said, Ignored)
    assert said.reason
