"""Which messages join a conversation, and as whose words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent_service.domain.model import Role
from agent_service.domain.usecases.listen import listen
from common.contracts import (
    AgentId,
    ChatId,
    Envelope,
    EventId,
    IntegrationId,
    MessageId,
    MessageKind,
    MessageReceived,
    Sender,
    TenantId,
)
from common.contracts.whatsapp import Group

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SILENT = {MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.UNSUPPORTED, MessageKind.POLL_VOTE}


def said(tenant: str = "ten_1", **changes: Any) -> Envelope[MessageReceived]:
    event = MessageReceived(
        message_id=MessageId("wa_1"),
        chat_id=ChatId("cht_1"),
        integration_id=IntegrationId("int_1"),
        kind=MessageKind.TEXT,
        text="hello",
        sender=Sender(phone="+5511988880001"),
        sent_at=AT,
        agent_id=AgentId("agt_1"),
    ).model_copy(update=changes)
    return Envelope(EventId("evt_1"), TenantId(tenant), AT, event, "test")


@pytest.mark.parametrize(
    "changes",
    [
        {"agent_id": None},
        {"agent_id": AgentId("agt_deleted")},
        {"stale": True},
        {"group": Group(id="1@g.us")},
        *({"kind": kind} for kind in SILENT),
    ],
)
async def test_what_is_not_for_an_agent_joins_no_conversation(
    memory: Any, changes: dict[str, Any]
) -> None:
    await listen(memory.context(), [said(**changes)])
    assert memory.conversations.lines == []


@pytest.mark.parametrize("kind", sorted(set(MessageKind) - SILENT))
async def test_every_other_kind_is_heard_with_its_words_or_its_name(
    memory: Any, kind: MessageKind
) -> None:
    await listen(memory.context(), [said(kind=kind), said(kind=kind, text="")])
    assert [line.text for line in memory.conversations.lines] == ["hello", f"[{kind}]"]
    assert {line.role for line in memory.conversations.lines} == {Role.CUSTOMER}


async def test_what_the_owner_types_on_the_phone_is_a_persons_line(memory: Any) -> None:
    await listen(memory.context(), [said(from_me=True)])
    [line] = memory.conversations.lines
    assert line.role is Role.HUMAN


async def test_the_tenant_comes_from_the_envelope_and_keeps_conversations_apart(
    memory: Any,
) -> None:
    await listen(memory.context(), [said("ten_1"), said("ten_2")])
    ours, theirs = memory.conversations.lines
    assert (ours.tenant, theirs.tenant) == ("ten_1", "ten_2")
    assert ours.conversation != theirs.conversation
