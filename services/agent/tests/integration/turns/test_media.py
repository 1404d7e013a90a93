"""Voice notes and pictures: a turn waits for them, hears and sees them, and never for ever."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from agent_service.app.contexts import Wake, context_opener
from agent_service.domain.model import Agent, Limits, Usage, conversation_id
from agent_service.domain.ports import AccountRefused
from agent_service.domain.usecases.hearing import Hearing, Recording, media_came
from agent_service.jobs import JobLease
from agent_service.repository import CHORES
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    IntegrationId,
    LimitReached,
    Media,
    MediaStored,
    MessageId,
    MessageKind,
    utc_now,
)
from common.db import Sql
from common.errors import NeedsOperator, RateLimited, Unavailable
from common.lanes import claim

pytestmark = pytest.mark.integration

_METER = "select day_micros, tokens from meter where scope like 'agent:%'"
USED = Usage(30, 0, 3)
MINUTE = 6000
"""Micro-USD, at this desk."""
_DUE = "select extract(epoch from due_at - now())::float8 as due_in from lane where queue = 'turns'"
_LINE = "select text, media ->> 'state' as state from line where message_id = :message"
_STEPS = Sql("select model, input_tokens, cost_micros from run_step where kind = 'transcription'")
_EXPIRED = Sql("""
    update lane set due_at = now() - interval '1 second' where queue = 'chores' returning key""")
VOICE, IMAGE = MessageKind.VOICE, MessageKind.IMAGE


@dataclass
class Ears:
    """Hears what it is told to hear, or fails."""

    failures: list[Exception] = field(default_factory=list)
    usage: Usage = USED
    heard: list[bytes] = field(default_factory=list)

    def model_for(self, agent_transcription_model: str | None) -> str | None:
        return "gpt-ears"

    async def hear(self, agent: Agent, sound: bytes, mimetype: str) -> tuple[str, Usage]:
        if self.failures:
            raise self.failures.pop(0)
        self.heard.append(sound)
        return "two tickets, please", self.usage


def opener(desk: Any) -> Any:
    return context_opener(desk.database, Wake(lambda: None))


async def writes(
    desk: Any, kind: MessageKind, message: str = "wa_1", text: str = "", **changes: Any
) -> None:
    what = {"kind": kind, "message_id": MessageId(message), "media": Media(), **changes}
    await desk.writes("c", text, **what)


async def stored(desk: Any, kind: MessageKind, message: str = "wa_1", *, ok: bool = True) -> None:
    reference = f"media/{desk.agent.tenant}/sound" if ok else None
    event = MediaStored(
        message_id=MessageId(message),
        chat_id=ChatId("c"),
        integration_id=IntegrationId("int_1"),
        kind=kind,
        media=Media(reference=reference, mimetype="audio/ogg; codecs=opus"),
        failure=None if ok else "gone",
    )
    async with opener(desk)() as context:
        await media_came(context, desk.agent.tenant, conversation(desk), event)


def conversation(desk: Any) -> ConversationId:
    return conversation_id(desk.agent.tenant, IntegrationId("int_1"), ChatId("c"))


async def hear(desk: Any, ears: Ears) -> None:
    """Do the one transcription that waits, whatever its wait."""
    jobs = await claim(desk.database, CHORES, 1)
    for job in jobs:
        outside = desk.outside(desk.script("unused"))
        use = Hearing(opener(desk), type(outside)(**{**_parts(outside), "ears": ears}), utc_now)
        recording = Recording(
            desk.agent.tenant, AgentId(desk.agent.id), conversation(desk), MessageId("wa_1"),
            f"media/{desk.agent.tenant}/sound", "audio/ogg", 4,
        )  # fmt: skip
        await use.hear(recording, job.attempts, JobLease(CHORES, job).finish)


def _parts(outside: Any) -> dict[str, Any]:
    return {name: getattr(outside, name) for name in outside.__dataclass_fields__}


async def due_in(desk: Any) -> float:
    return float((await desk.one(_DUE))["due_in"])


async def test_a_turn_waits_for_a_voice_note_and_answers_its_words(desk: Any) -> None:
    ears = Ears()
    await writes(desk, VOICE)
    assert 25 < await due_in(desk) <= 30
    await desk.writes("c", "and be quick")
    assert 25 < await due_in(desk) <= 30, "what else is written does not end the wait"
    await stored(desk, VOICE)
    assert 25 < await due_in(desk) <= 30, "it is there, and not yet heard"
    await hear(desk, ears)
    assert await due_in(desk) <= 0
    model = desk.script("Sold.")
    await desk.work(await desk.claim(), model)
    said = [item.text for item in model.asked[0].items if item.role == "user"]
    assert said == ["[voice] two tickets, please", "and be quick"]
    assert ears.heard == [f"media/{desk.agent.tenant}/sound".encode()]
    [step] = await desk.database.execute(_STEPS)
    assert tuple(step) == ("gpt-ears", 30, 33)


@pytest.mark.parametrize("ok", [True, False])
async def test_a_picture_is_waited_for_and_its_loss_ends_the_wait_too(desk: Any, ok: bool) -> None:
    await writes(desk, IMAGE, text="what is this?")
    assert 25 < await due_in(desk) <= 30
    await stored(desk, IMAGE, ok=ok)
    assert await due_in(desk) <= 0
    row = await desk.one(_LINE, message="wa_1")
    assert row["state"] == ("stored" if ok else "lost")


async def test_the_last_of_several_files_ends_the_wait(desk: Any) -> None:
    await writes(desk, IMAGE, "wa_1")
    await writes(desk, IMAGE, "wa_2")
    await stored(desk, IMAGE, "wa_1")
    assert await due_in(desk) > 25
    await stored(desk, IMAGE, "wa_2")
    assert await due_in(desk) <= 0


async def test_who_hears_nothing_waits_for_nothing(desk: Any) -> None:
    await desk.change(speech_to_text=False, see_images=False)
    await writes(desk, VOICE, "wa_1")
    await writes(desk, IMAGE, "wa_2")
    assert await due_in(desk) <= 0
    await stored(desk, VOICE)
    assert await claim(desk.database, CHORES, 1) == []


async def test_a_voice_note_of_who_opted_out_is_kept_and_not_paid_for(desk: Any) -> None:
    await writes(desk, VOICE, opted_out=True)
    await stored(desk, VOICE)
    assert await claim(desk.database, CHORES, 1) == []
    assert await desk.claim() is None
    assert (await desk.one(_LINE, message="wa_1"))["state"] == "stored"


async def test_a_file_that_never_comes_holds_a_turn_only_so_long(desk: Any) -> None:
    await desk.change(media_wait_seconds=0.0)
    await writes(desk, VOICE)
    model = desk.script("I could not hear you.")
    await desk.work(await desk.claim(), model)
    assert model.asked[0].items[-1].text == "[voice]"
    await stored(desk, VOICE)
    await hear(desk, Ears())
    assert await desk.claim() is None, "it was answered already"


@pytest.mark.parametrize("failures", [[NeedsOperator("gone")], [Unavailable("away")] * 3])
async def test_a_recording_that_cannot_be_heard_is_said_to_be_so(
    desk: Any, failures: list[Exception]
) -> None:
    await writes(desk, VOICE)
    await stored(desk, VOICE)
    ears = Ears(list(failures))
    for _ in failures[1:]:
        with pytest.raises(Unavailable):
            await hear(desk, ears)
        await desk.database.execute(_EXPIRED)
    await hear(desk, ears)
    row = await desk.one(_LINE, message="wa_1")
    assert (row["text"], row["state"]) == ("[voice]", "lost")
    assert await due_in(desk) <= 0


async def test_the_file_of_a_message_that_is_none_of_ours_changes_nothing(desk: Any) -> None:
    await stored(desk, VOICE, "wa_other")
    assert await claim(desk.database, CHORES, 1) == []


async def test_a_turn_that_failed_is_not_hurried_by_a_file(desk: Any) -> None:
    await desk.writes("c", "hello")
    await writes(desk, IMAGE)
    await desk.database.execute(
        Sql("update lane set attempts = 1, due_at = now() + :wait returning key"),
        {"wait": timedelta(minutes=2)},
    )
    await stored(desk, IMAGE)
    assert await due_in(desk) > 100


@pytest.mark.parametrize("usage", [USED, Usage()])
async def test_hearing_counts_against_the_limits_of_its_agent(desk: Any, usage: Usage) -> None:
    await desk.change(limits=Limits(micros_per_day=10**9, tokens_per_minute=10_000))
    await writes(desk, VOICE)
    await stored(desk, VOICE)
    await hear(desk, Ears(usage=usage))
    cost = 33 if usage.total else 4 * MINUTE // 60
    row = await desk.one(_METER)
    assert row["day_micros"] == cost, "what says nothing of tokens is billed by its length"
    assert row["tokens"] == pytest.approx(10_000 - usage.total, abs=1)
    assert (await desk.one("select count(*) from reservation"))[0] == 0
    [step] = await desk.database.execute(_STEPS)
    assert step["cost_micros"] == cost


async def test_at_a_hard_limit_a_voice_note_stays_unheard_and_costs_nothing(desk: Any) -> None:
    await desk.change(limits=Limits(micros_per_day=3))
    await writes(desk, VOICE)
    await stored(desk, VOICE)
    ears = Ears()
    await hear(desk, ears)
    assert ears.heard == []
    row = await desk.one(_LINE, message="wa_1")
    assert (row["text"], row["state"]) == ("[voice]", "lost")
    assert await due_in(desk) <= 0, "the turn goes on"
    [told] = [event.level for event in await desk.told(LimitReached)]
    assert told == "hard"


async def test_where_the_account_refuses_no_other_voice_note_is_sent_there(desk: Any) -> None:
    for message in ("wa_1", "wa_2"):
        await writes(desk, VOICE, message)
        await stored(desk, VOICE, message)
    await hear(desk, Ears([AccountRefused("no quota")]))
    ears = Ears()
    await hear(desk, ears)
    assert ears.heard == []
    assert desk.alarms == [(desk.agent.id, "no quota")]


async def test_over_the_rate_a_voice_note_is_heard_a_little_later(desk: Any) -> None:
    await desk.change(limits=Limits(tokens_per_minute=100))
    await desk.turn("d", "hello", "hi")
    await desk.one("update meter set tokens = 0 returning tokens")
    await writes(desk, VOICE)
    await stored(desk, VOICE)
    ears = Ears()
    with pytest.raises(RateLimited):
        await hear(desk, ears)
    await desk.one("update meter set tokens = 100 returning tokens")
    await desk.database.execute(_EXPIRED)
    await hear(desk, ears)
    assert len(ears.heard) == 1


async def test_what_was_reserved_for_a_recording_nobody_could_hear_is_free_again(desk: Any) -> None:
    await desk.change(limits=Limits(micros_per_day=10**9))
    await writes(desk, VOICE)
    await stored(desk, VOICE)
    await hear(desk, Ears([NeedsOperator("gone")]))
    assert (await desk.one("select count(*) from reservation"))[0] == 0
    assert (await desk.one(_METER))["day_micros"] == 0
