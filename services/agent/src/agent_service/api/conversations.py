"""Conversations over HTTP: look at them, and let a person take part."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from agent_service.api.doors import (
    ConversationReader,
    ConversationWriter,
    Limit,
    Opens,
    Page,
    Words,
)
from agent_service.domain.model import Conversation, Fact, Line, State
from agent_service.domain.usecases import control
from common.auth import Principal
from common.contracts import CommandId, ConversationId, TenantId, derived_id, new_id
from common.errors import NotFound
from common.places import TOP, Place
from common.service import PAGED, next_page

router = APIRouter()

_MOST_FACTS = 200
"""Beside a conversation, the newest: an export has all of them."""
Before = Annotated[
    int | None, Query(ge=1, le=2**53, description="only lines before this `seq`, and their runs")
]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]


class ConversationView(BaseModel):
    """A conversation in a list.

    `known_as` names the other side: phone (E.164) and LID, or the id of a group. `human_until`
    says when the agent takes the conversation back by itself.
    """

    id: str
    agent_id: str
    integration_id: str
    chat_id: str
    known_as: tuple[str, ...]
    state: State
    human_until: AwareDatetime | None = None
    updated_at: AwareDatetime


class LineView(BaseModel):
    """One line of a conversation; `media` names its file, `run` the run that said it.

    `speaker` is who wrote it in a group, `attached` what came with the words, and `unsent` says
    that it was cancelled or could not be sent. `opted_out`: the customer wanted to hear nothing by
    then, so it is answered by no agent.
    """

    seq: int
    role: str
    text: str
    at: AwareDatetime
    message_id: str | None
    media: str | None = None
    run: str | None = None
    speaker: str = ""
    attached: str = ""
    unsent: bool = False
    opted_out: bool = False


class RunView(BaseModel):
    """How the agent came to an answer: what it asked, did and paid, step by step."""

    id: str
    outcome: str
    reason: str
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_micros: int
    latency_ms: int
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    steps: list[dict[str, Any]]


class FollowUpView(BaseModel):
    """What is to be said later, or was; `state` is `waiting`, `said` or `cancelled`."""

    text: str
    due_at: AwareDatetime
    state: str


class FactView(BaseModel):
    """Something known about a contact: a `fact` has a name, a `note` for the team has none."""

    kind: str
    name: str
    value: str


class ConversationDetail(ConversationView):
    """A conversation with its newest lines and runs."""

    summary: str
    facts: list[FactView]
    follow_ups: list[FollowUpView]
    lines: list[LineView]
    runs: list[RunView]


class ExportView(ConversationDetail):
    """Everything that is kept about a contact."""


class ReplyBody(BaseModel):
    """What a person says to the customer."""

    model_config = ConfigDict(extra="forbid")

    text: Words = Field(min_length=1, max_length=4096, pattern=r"\S")


@router.get("/conversations", responses=PAGED)
async def list_conversations(
    caller: ConversationReader,
    open_for: Opens,
    page: Page,
    limit: Limit = 50,
    state: Annotated[State | None, Query()] = None,
) -> list[ConversationView]:
    """List the tenant's conversations, the most recent first, page by page.

    One that moves while you turn the pages goes to the top of the first: no page shows it twice.
    """
    after = page.after(TOP)
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await context.conversations.every(limit=limit + 1, state=state, after=after)
    return page.cut([_view(one) for one in found], limit, _place)


@router.get("/conversations/{conversation_id}", responses=PAGED)
async def show_conversation(  # noqa: PLR0913 - a query parameter is an argument
    conversation_id: Words,
    caller: ConversationReader,
    open_for: Opens,
    request: Request,
    response: Response,
    limit: Limit = 50,
    before: Before = None,
) -> ConversationDetail:
    """Show one conversation, its newest lines, and the runs behind them; older ones by pages."""
    upto = None if before is None else before - 1
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await context.conversations.get(ConversationId(conversation_id))
        if found is None:
            raise NotFound(f"no conversation {conversation_id}")
        lines = await context.conversations.lines(found.id, limit=limit + 1, upto=upto)
        shown = lines[:limit]
        told = {
            "conversation": found,
            "lines": list(reversed(shown)),
            "runs": await context.archive.runs(found.id, limit=limit, upto=upto),
            "facts": await context.archive.facts(found, limit=_MOST_FACTS),
            "follow_ups": await context.archive.follow_ups(found.id, limit=limit),
        }
    if len(lines) > limit:
        response.headers["Link"] = next_page(request, before=shown[-1].seq)
    return ConversationDetail(**_detail(told))


@router.post("/conversations/{conversation_id}/take-over")
async def take_over(
    conversation_id: Words, caller: ConversationWriter, open_for: Opens
) -> ConversationView:
    """Give the conversation to a person: the agent is silent, and what it queued is not sent."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        name = ConversationId(conversation_id)
        return _view(await control.take_over(context, name, _who(caller)))


@router.post("/conversations/{conversation_id}/hand-back")
async def hand_back(
    conversation_id: Words, caller: ConversationWriter, open_for: Opens
) -> ConversationView:
    """Give the conversation back to its agent.

    What the customer wrote in this session and nobody has answered is answered now.
    """
    async with open_for(TenantId(caller.tenant_id)) as context:
        name = ConversationId(conversation_id)
        return _view(await control.hand_back(context, name, _who(caller)))


@router.post("/conversations/{conversation_id}/reply", status_code=202)
async def reply_as_person(
    conversation_id: Words,
    body: ReplyBody,
    caller: ConversationWriter,
    open_for: Opens,
    idempotency_key: IdempotencyKey = None,
) -> ConversationView:
    """Say something as a person; the conversation is theirs then.

    With an `Idempotency-Key`, the same request twice is sent once; with another text it is
    refused.
    """
    name = ConversationId(conversation_id)
    given = derived_id("cmd", name, idempotency_key) if idempotency_key else new_id("cmd")
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await control.reply(context, name, body.text, CommandId(given), _who(caller))
        return _view(found)


@router.post("/conversations/{conversation_id}/close")
async def close(
    conversation_id: Words, caller: ConversationWriter, open_for: Opens
) -> ConversationView:
    """End the conversation; the customer's next message may wake the agent again."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        name = ConversationId(conversation_id)
        return _view(await control.close(context, name, _who(caller)))


@router.get("/conversations/{conversation_id}/export")
async def export(conversation_id: Words, caller: ConversationReader, open_for: Opens) -> ExportView:
    """Export everything that is kept about the contact here."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await control.export(context, ConversationId(conversation_id))
    return ExportView(**_detail(found))


@router.delete("/conversations/{conversation_id}", status_code=204)
async def forget(conversation_id: Words, caller: ConversationWriter, open_for: Opens) -> Response:
    """Delete what is kept about the contact, by the number's service as well.

    The sums of what was spent stay.
    """
    async with open_for(TenantId(caller.tenant_id)) as context:
        await control.forget(context, ConversationId(conversation_id))
    return Response(status_code=204)


def _who(caller: Principal) -> str:
    return caller.subject or "the team"


def _view(conversation: Conversation) -> ConversationView:
    return ConversationView(**_plain(conversation))


def _place(shown: ConversationView) -> Place:
    return Place(shown.updated_at, shown.id)


def _plain(conversation: Conversation) -> dict[str, Any]:
    return {name: getattr(conversation, name) for name in ConversationView.model_fields}


def _detail(told: dict[str, Any]) -> dict[str, Any]:
    return {
        **_plain(told["conversation"]),
        "summary": told["conversation"].summary,
        "facts": [_fact(fact) for fact in told["facts"]],
        "follow_ups": told["follow_ups"],
        "lines": [_line(line) for line in told["lines"]],
        "runs": [{name: run[name] for name in RunView.model_fields} for run in told["runs"]],
    }


def _fact(fact: Fact) -> FactView:
    # A note's name is the key that keeps it from being written twice.
    return FactView(kind=fact.kind, name="" if fact.kind == "note" else fact.name, value=fact.value)


def _line(line: Line) -> LineView:
    media = None if line.media is None else line.media.reference
    return LineView(**{**asdict(line), "media": media})
