"""Golden transcripts: what an agent says, which tools it uses, and when it asks for a person."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from agent_service.domain.model.phrases import plain
from common.db import Sql

pytestmark = pytest.mark.integration

TRANSCRIPTS = sorted(Path(__file__).parent.glob("*.yaml"))
_TOOLS = Sql("""
    select name, input from run_step
    where conversation_id = :id and kind = 'tool' order by created_at, seq""")


class Strict(BaseModel):
    """A mistyped expectation would be one that never fails."""

    model_config = ConfigDict(extra="forbid")


class Use(Strict):
    """A tool, and the arguments that matter."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Expected(Strict):
    """What must hold after a turn."""

    tools: list[Use] = Field(default_factory=list)
    says: list[str] = Field(default_factory=list)
    """Each stands in the answer, however it is spelt."""
    never: list[str] = Field(default_factory=list)
    hand_off: bool | None = False
    """None where either is right."""
    silent: bool = False


class TurnText(Strict):
    """What the customer writes; `model` is what the stand-in says, call by call."""

    customer: str
    model: list[dict[str, Any]] = Field(default_factory=list)
    expect: Expected = Expected()


class Transcript(Strict):
    """A conversation with one agent."""

    about: str
    settings: dict[str, Any] = Field(default_factory=dict)
    never: list[str] = Field(default_factory=list)
    """What must stand in no answer at all."""
    turns: list[TurnText]


def read(path: Path) -> Transcript:
    return Transcript.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_the_agent_keeps_to_the_transcript(
    stage: Any, model_server: dict[str, str], path: Path
) -> None:
    transcript = read(path)
    settings = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in transcript.settings.items()
    }
    customer = await stage.customer(**settings)
    said = used = 0
    for turn in transcript.turns:
        if not model_server:
            await _script(stage, customer.agent.id, turn.model)
        before = await customer.lines()
        await customer.writes(turn.customer)
        await customer.stored(len(before) + 1)
        await customer.at_rest()
        answers, tools = customer.answers()[said:], await _tools(stage, customer)
        _check(turn.expect, " ".join(answers), tools[used:], transcript.never)
        assert turn.expect.hand_off in {None, bool(customer.handoffs())}
        said, used = said + len(answers), len(tools)


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 5


async def _script(stage: Any, agent: str, replies: list[dict[str, Any]]) -> None:
    rules = [
        {"match": {"system_contains": agent, "last_item": "any"}, "reply": reply, "times": 1}
        for reply in replies
    ]
    rules.append({"match": {"system_contains": agent}, "reply": {"text": "NOT IN THE TRANSCRIPT"}})
    (await stage.sandbox.post("/_sandbox/openai/script", json=rules)).raise_for_status()


async def _tools(stage: Any, customer: Any) -> list[Use]:
    rows = await stage.database.execute(_TOOLS, {"id": customer.conversation})
    return [
        Use(name=row["name"], arguments=orjson.loads(row["input"]["arguments"])) for row in rows
    ]


def _check(expected: Expected, answer: str, tools: list[Use], never: list[str]) -> None:
    assert [use.name for use in tools] == [use.name for use in expected.tools], answer
    for want, used in zip(expected.tools, tools, strict=True):
        assert want.arguments.items() <= used.arguments.items()
    assert "NOT IN THE TRANSCRIPT" not in answer
    assert bool(answer) is not expected.silent
    for words in expected.says:
        assert plain(words) in plain(answer), answer
    for words in [*expected.never, *never]:
        assert plain(words) not in plain(answer), answer
