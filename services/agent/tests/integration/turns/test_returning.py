"""A conversation that a person gives back: what nobody has answered is answered, once."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from agent_service.app.contexts import Wake, context_opener, tenant_opener
from agent_service.domain.model import conversation_id
from agent_service.domain.usecases import control
from agent_service.domain.usecases.returning import come_back
from agent_service.domain.usecases.states import RETURN
from agent_service.domain.usecases.unsent import note_unsent
from agent_service.jobs import JobLease
from agent_service.repository import CHORES
from common.contracts import (
    ChatId,
    CommandId,
    ConversationStateChanged,
    IntegrationId,
    MessageFailed,
    new_id,
    utc_now,
)
from common.db import Sql
from common.lanes import claim

pytestmark = pytest.mark.integration

_DUE = Sql("update lane set due_at = now() - interval '1 second' where queue = 'chores'")
_TIME_IS_UP = Sql("update conversation set human_until = now() - interval '1 second'")


async def operator(desk: Any, what: Any, *arguments: Any) -> Any:
    name = conversation_id(desk.agent.tenant, IntegrationId("int_1"), ChatId("c"))
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        return await what(context, name, *arguments, "key:test")


async def chores_are_done(desk: Any) -> int:
    """Let the time of every chore come, and do what is due; give how many there were."""
    await desk.database.execute(_DUE)
    jobs = await claim(desk.database, CHORES, 10)
    for job in jobs:
        what = orjson.loads(job.payload)
        assert what["do"] == RETURN
        opener = context_opener(desk.database, Wake(lambda: None))
        await come_back(opener, what["conversation"], JobLease(CHORES, job).finish)
    return len(jobs)


async def after(desk: Any, *lines: str) -> list[list[str]]:
    """What a worker asks its model from now on, and what customers hear."""
    model = desk.script(*lines)
    await desk.next_worker(model)
    return [[item.text for item in asked.items if item.role == "user"] for asked in model.asked]


async def test_what_the_customer_wrote_to_a_silent_person_is_answered_when_it_is_given_back(
    desk: Any,
) -> None:
    await desk.turn("c", "hello", "Hi.")
    await operator(desk, control.take_over)
    await desk.writes("c", "are you open?")
    await desk.writes("c", "on sundays?")
    assert await after(desk, "never said") == []

    await operator(desk, control.hand_back)

    [asked] = await after(desk, "Yes.")
    assert asked[-2:] == ["are you open?", "on sundays?"]
    assert (await desk.texts("c"))[-1] == "Yes."
    await operator(desk, control.hand_back)
    assert await after(desk, "never said") == [], "it was the agent's already"


async def test_a_run_that_was_cut_short_by_a_person_is_begun_anew_when_they_give_it_back(
    desk: Any,
) -> None:
    await desk.writes("c", "are you open?")
    job = await desk.claim()
    model = desk.script("a word too many")
    await desk.interrupted(job, model, lambda: operator(desk, control.take_over))
    await operator(desk, control.hand_back)

    assert await after(desk, "Yes.") == [["are you open?"]]
    assert await desk.texts("c") == ["Yes."]
    runs = await desk.one("select count(distinct id) as n from run")
    assert runs["n"] == 2


@pytest.mark.parametrize("answered_by", ["reply", "phone", "hand_off"])
async def test_what_somebody_has_answered_is_not_answered_again(
    desk: Any, answered_by: str
) -> None:
    if answered_by == "hand_off":
        await desk.turn("c", "can I talk to a person?", "never said")
    else:
        await desk.turn("c", "hello", "Hi.")
        await operator(desk, control.take_over)
        await desk.writes("c", "are you open?")
    if answered_by == "reply":
        await operator(desk, control.reply, "We are.", CommandId(new_id("cmd")))
    if answered_by == "phone":
        await desk.writes("c", "We are.", from_me=True)

    await operator(desk, control.hand_back)

    assert await after(desk, "never said") == []


async def test_what_is_older_than_a_session_is_left_alone(desk: Any) -> None:
    await desk.turn("c", "hello", "Hi.")
    await operator(desk, control.take_over)
    await desk.writes("c", "are you open?", sent_at=utc_now() - timedelta(days=2))
    await operator(desk, control.hand_back)
    assert await after(desk, "never said") == []


async def test_an_answer_that_was_taken_back_before_it_was_sent_has_answered_nothing(
    desk: Any,
) -> None:
    await desk.turn("c", "are you open?", "We are.\n\nUntil six.")
    commands = [sent.command_id for sent in await desk.sent("c")]
    await operator(desk, control.take_over)
    for command in commands:
        await failed(desk, command, "cancelled")

    await operator(desk, control.hand_back)

    assert await after(desk, "Yes.") == [["are you open?"]]


async def failed(desk: Any, command: str, code: str) -> None:
    event = MessageFailed(
        command_id=CommandId(command),
        chat_id=ChatId("c"),
        integration_id=IntegrationId("int_1"),
        code=code,
        reason="a test",
    )
    async with context_opener(desk.database, Wake(lambda: None))() as context:
        await note_unsent(context, desk.agent.tenant, event)


async def test_a_model_is_not_shown_what_was_never_sent_and_a_team_sees_that_it_was_not(
    desk: Any,
) -> None:
    await desk.turn("c", "hello", "First.\n\nSecond.\n\nThird.")
    commands = [sent.command_id for sent in await desk.sent("c")]
    await failed(desk, commands[1], "cancelled")
    await failed(desk, commands[2], "outcome_unknown")
    await failed(desk, new_id("cmd"), "cancelled")

    model = await desk.turn("c", "and now?", "Well.")

    assert [item.text for item in model.asked[0].items if item.role == "assistant"] == [
        "First.",
        "Third.",
    ]
    exported = await operator(desk, lambda context, name, _: control.export(context, name))
    assert [line.text for line in exported["lines"] if line.unsent] == ["Second."]


async def test_when_a_persons_time_is_over_what_waits_is_answered_without_another_word(
    desk: Any,
) -> None:
    await desk.turn("c", "hello", "Hi.")
    await desk.writes("c", "one moment", from_me=True)
    await desk.writes("c", "still there?")
    await desk.database.execute(_TIME_IS_UP)

    assert await chores_are_done(desk) == 1

    [asked] = await after(desk, "I am.")
    assert asked[-1] == "still there?"
    await desk.sent("c")
    changed = desk.events(ConversationStateChanged)
    assert [(one.previous, one.state) for one in changed] == [("bot", "human"), ("human", "bot")]


async def test_a_person_who_goes_on_is_given_the_time_that_they_have_now(desk: Any) -> None:
    await desk.turn("c", "hello", "Hi.")
    for text in ("one moment", "nearly there"):
        await desk.writes("c", text, from_me=True)
    await desk.writes("c", "still there?")
    for _ in range(2):
        assert await chores_are_done(desk) == 1, "one of them waits, whoever writes"
        assert await after(desk, "never said") == []
    await desk.database.execute(_TIME_IS_UP)
    await chores_are_done(desk)
    assert len(await after(desk, "I am.")) == 1


async def test_a_person_without_an_end_keeps_it(desk: Any) -> None:
    await desk.change(pause_minutes=0)
    await desk.turn("c", "hello", "Hi.")
    await desk.writes("c", "one moment", from_me=True)
    assert await chores_are_done(desk) == 0
