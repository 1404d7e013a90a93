"""The demo's transcript stops at the first failure and tells machines what happened."""

import asyncio
import io
import json
from pathlib import Path

import pytest

from devstack.errors import StackError
from devstack.screen import Screen
from devstack.transcript import Transcript


async def fine() -> str:
    return "as expected"


async def broken() -> str:
    raise StackError("the gateway answered 500")


async def silent() -> str:
    await asyncio.Event().wait()
    return ""


@pytest.fixture
def paper() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(paper: io.StringIO) -> Screen:
    return Screen(paper)


async def test_a_good_journey_is_told_and_written(
    screen: Screen, paper: io.StringIO, tmp_path: Path
) -> None:
    transcript = Transcript(screen, "kafka")
    await transcript.play("connect", fine())
    transcript.write(tmp_path / "demo.json")

    told = json.loads((tmp_path / "demo.json").read_text())
    assert (told["ok"], told["broker"]) == (True, "kafka")
    [step] = told["steps"]
    assert step.keys() == {"name", "ok", "ms"}
    assert "as expected" in paper.getvalue()


async def test_a_failed_step_ends_the_journey_and_makes_it_not_ok(screen: Screen) -> None:
    transcript = Transcript(screen, "kafka")
    await transcript.play("connect", fine())
    with pytest.raises(StackError, match="stopped at `answer`: the gateway answered 500"):
        await transcript.play("answer", broken())
    assert not transcript.ok
    assert [step.ok for step in transcript.steps] == [True, False]


async def test_a_step_that_never_happens_meets_its_deadline(screen: Screen) -> None:
    transcript = Transcript(screen, "kafka")
    with pytest.raises(StackError, match="nothing happened within 0 s"):
        await transcript.play("acks", silent(), limit=0.05)


def test_a_journey_without_steps_is_not_ok(screen: Screen) -> None:
    assert not Transcript(screen, "kafka").ok
