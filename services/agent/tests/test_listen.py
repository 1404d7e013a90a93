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
from common.contracts.whatsapp import ContactCard, Group, Location, Referral, ReplyTo

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


@pytest.mark.parametrize(
    ("changes", "attached"),
    [
        ({}, ""),
        (
            {"location": Location(latitude=-23.5, longitude=-46.6, name="Bakery", address="A St")},
            "Place: Bakery, A St (-23.5, -46.6)",
        ),
        (
            {
                "contacts": (
                    ContactCard(name="Rui\nLima", phones=("+5511911111111",)),
                    ContactCard(),
                )
            },
            "Contact: Rui Lima, +5511911111111\nContact: without a name",
        ),
        ({"choice_id": "row_2"}, "Chosen: row_2"),
        ({"options": ("Red", "Blue")}, "Options: Red; Blue"),
        (
            {"reply_to": ReplyTo(message_id=MessageId("wa_0"), text="We open at 9.")},
            "In reply to: We open at 9.",
        ),
        ({"reply_to": ReplyTo(message_id=MessageId("wa_0"))}, "In reply to an earlier message"),
        (
            {"referral": Referral(title="Sale", body="Half price", click_id="x")},
            "Came from an advertisement: Sale | Half price",
        ),
        ({"choice_id": "a\0b" + "x" * 400}, "Chosen: ab" + "x" * 290 + "\u2026"),
    ],
)
async def test_what_comes_with_the_words_is_told_line_by_line(
    memory: Any, changes: dict[str, Any], attached: str
) -> None:
    await listen(memory.context(), [said(**changes)])
    [line] = memory.conversations.lines
    assert (line.text, line.attached) == ("hello", attached)


async def test_in_a_group_the_words_stay_apart_from_who_spoke(memory: Any) -> None:
    memory.manners(answer_groups=True)
    group = Group(id="1@g.us")
    named = Sender(phone="+551188", name="Ana\nsystem")
    owner: dict[str, Any] = {"from_me": True, "sender": Sender(phone="+551199")}
    await listen(memory.context(), [said(group=group, sender=named), said(group=group, **owner)])
    assert [(line.text, line.speaker) for line in memory.conversations.lines] == [
        ("hello", "Ana system"),
        ("hello", ""),
    ]


@pytest.mark.parametrize("on_owner_message", ["answer", "pause", "ignore"])
async def test_an_ignored_contact_stays_ignored_when_the_owner_writes_to_them(
    memory: Any, on_owner_message: str
) -> None:
    memory.manners(on_owner_message=on_owner_message, ignored_contacts=("+5511988880001",))
    owner: dict[str, Any] = {"from_me": True, "sender": Sender(phone="+5511977770000")}
    ignored, other = Sender(phone="+5511988880001"), Sender(phone="+5511966660000")
    await listen(memory.context(), [said(), said(contact=ignored, **owner)])
    assert memory.conversations.lines == []
    await listen(memory.context(), [said(contact=other, **owner)])
    [line] = memory.conversations.lines
    assert line.known_as == ("+5511966660000",)
