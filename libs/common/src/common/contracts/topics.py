"""Every topic: who writes it, who reads it, and which id stays in order on it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

SERVICES = ("gateway", "whatsapp", "google", "crm", "agent")


class Topic(StrEnum):
    """The name is `owner.nouns.vN`; a breaking change is a new `vN` beside the old."""

    EVOLUTION_WEBHOOKS = "gateway.evolution-webhooks.v1"
    CRM_WEBHOOKS = "gateway.crm-webhooks.v1"
    GOOGLE_WEBHOOKS = "gateway.google-webhooks.v1"
    OAUTH_CALLBACKS = "gateway.oauth-callbacks.v1"
    WHATSAPP_MESSAGES = "whatsapp.messages.v1"
    WHATSAPP_COMMANDS = "whatsapp.commands.v1"
    WHATSAPP_CONNECTIONS = "whatsapp.connections.v1"
    AGENT_CONVERSATIONS = "agent.conversations.v1"
    GATEWAY_DEAD_LETTERS = "gateway.dead-letters.v1"
    WHATSAPP_DEAD_LETTERS = "whatsapp.dead-letters.v1"
    GOOGLE_DEAD_LETTERS = "google.dead-letters.v1"
    CRM_DEAD_LETTERS = "crm.dead-letters.v1"
    AGENT_DEAD_LETTERS = "agent.dead-letters.v1"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic is made and who may touch it; manifests and docs are checked against this."""

    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...] = ()
    partitions: int = 12
    retention: timedelta = timedelta(days=7)
    max_message_bytes: int = 1_048_576


def _dead_letters(service: str) -> TopicSpec:
    return TopicSpec(
        key="original key",
        producers=(service,),
        partitions=3,
        retention=timedelta(days=30),
        # The original record plus our headers must fit.
        max_message_bytes=1_048_576 + 65_536,
    )


TOPICS: dict[Topic, TopicSpec] = {
    Topic.EVOLUTION_WEBHOOKS: TopicSpec("instance", ("gateway",), ("whatsapp",)),
    Topic.CRM_WEBHOOKS: TopicSpec("integration", ("gateway",), ("crm",), partitions=6),
    Topic.GOOGLE_WEBHOOKS: TopicSpec("connection", ("gateway",), ("google",), partitions=6),
    Topic.OAUTH_CALLBACKS: TopicSpec("state", ("gateway",), ("google", "crm"), partitions=3),
    Topic.WHATSAPP_MESSAGES: TopicSpec("chat_id", ("whatsapp",), ("agent", "crm")),
    Topic.WHATSAPP_COMMANDS: TopicSpec("chat_id", ("agent", "crm", "google"), ("whatsapp",)),
    Topic.WHATSAPP_CONNECTIONS: TopicSpec(
        "integration_id", ("whatsapp",), ("gateway",), partitions=6
    ),
    Topic.AGENT_CONVERSATIONS: TopicSpec("conversation_id", ("agent",), (), partitions=6),
    **{Topic(f"{service}.dead-letters.v1"): _dead_letters(service) for service in SERVICES},
}


def dead_letters(service: str) -> Topic:
    """Name the topic where a service puts what it could not handle."""
    return Topic(f"{service}.dead-letters.v1")
