"""The topics' registry and the services' code say the same about who writes and who reads."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from common.bus import HostedProducer, InProcessBus, Source
from common.contracts import EVENTS, SERVICES, TOPICS, Topic, dead_letters
from devstack.docs.services import (
    declaration,
    throw_away_settings,
    topics_heard_by,
    topics_said_by,
)

NOT_YET_READ = {
    ("crm", Topic.CRM_WEBHOOKS),
    ("crm", Topic.OAUTH_CALLBACKS),
    ("crm", Topic.WHATSAPP_MESSAGES),
    ("google", Topic.GOOGLE_WEBHOOKS),
    ("google", Topic.OAUTH_CALLBACKS),
    ("gateway", Topic.WHATSAPP_CONNECTIONS),
}
"""Declared for services that are shells; whoever builds the reader takes its line out."""
NOT_YET_WRITTEN = {
    ("gateway", Topic.CRM_WEBHOOKS),
    ("gateway", Topic.GOOGLE_WEBHOOKS),
    ("gateway", Topic.OAUTH_CALLBACKS),
    ("crm", Topic.WHATSAPP_COMMANDS),
    ("google", Topic.WHATSAPP_COMMANDS),
}
KEPT_INSIDE = {("whatsapp", Topic.WHATSAPP_COMMANDS)}
"""The confirmation of an opt-out goes from the service straight into its own lanes."""
STREAMS = [topic for topic in TOPICS if topic not in map(dead_letters, SERVICES)]


class RecordingBus:
    """Writes down who subscribes to what."""

    name = "recording"

    def __init__(self) -> None:
        self._bus = InProcessBus()
        self.subscriptions: dict[str, set[str]] = {}

    def producer(self) -> HostedProducer:
        return self._bus.producer()

    def source(self, group: str, topics: Sequence[str]) -> Source:
        self.subscriptions[group] = set(topics)
        return self._bus.source(group, topics)


def test_who_reads_a_topic_is_who_the_registry_says() -> None:
    read = {(service, topic) for service in SERVICES for topic in topics_heard_by(service)}
    declared = {(service, topic) for topic in TOPICS for service in TOPICS[topic].consumers}
    assert read == declared - NOT_YET_READ
    assert declared >= NOT_YET_READ


def test_who_writes_a_topic_is_who_the_registry_says() -> None:
    written = {(service, topic) for service in SERVICES for topic in topics_said_by(service)}
    declared = {(service, topic) for topic in STREAMS for service in TOPICS[topic].producers}
    assert written == (declared - NOT_YET_WRITTEN) | KEPT_INSIDE
    assert declared >= NOT_YET_WRITTEN


@pytest.mark.parametrize("service", SERVICES)
async def test_a_worker_subscribes_to_what_its_router_handles_under_its_own_name(
    service: str, tmp_path: Path
) -> None:
    bus = RecordingBus()
    settings = throw_away_settings(service, tmp_path)
    async with declaration(service).builder()(settings, "worker", bus):
        pass
    heard = {topic.value for topic in topics_heard_by(service)}
    assert bus.subscriptions == ({service: heard} if heard else {})


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_named_after_its_owner_and_has_a_version(topic: Topic) -> None:
    owner, noun, version = topic.value.split(".")
    assert owner in SERVICES
    assert noun == noun.lower()
    assert version.startswith("v")
    assert set(TOPICS[topic].producers) | set(TOPICS[topic].consumers) <= set(SERVICES)


def test_every_event_travels_on_a_topic_of_its_owner() -> None:
    assert all(event.topic.value.startswith(event.type.split(".")[0]) for event in EVENTS.values())


def test_only_the_owner_writes_dead_letters_and_keeps_them_longest() -> None:
    for service in SERVICES:
        spec = TOPICS[dead_letters(service)]
        assert spec.producers == (service,)
        assert all(spec.retention > TOPICS[topic].retention for topic in STREAMS)
