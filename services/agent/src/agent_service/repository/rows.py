"""Rows as values, and values as rows."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from agent_service.domain.model import (
    Conversation,
    Cost,
    Fact,
    Line,
    LineMedia,
    Pending,
    Role,
    Run,
    State,
    Step,
    StepKind,
    StepState,
    Usage,
)
from agent_service.domain.model.conversations import media_of
from agent_service.domain.ports import Ended
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    IntegrationId,
    MessageId,
    RunId,
    TenantId,
)


def as_json(value: Any) -> str:
    """Write a value for a jsonb column."""
    return orjson.dumps(value).decode()


def conversation_of(row: Any) -> Conversation:
    """Read a conversation's row."""
    pending = row["pending"]
    return Conversation(
        id=ConversationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        agent_id=AgentId(row["agent_id"]),
        integration_id=IntegrationId(row["integration_id"]),
        chat_id=ChatId(row["chat_id"]),
        state=State(row["state"]),
        last_seq=row["last_seq"],
        answered_seq=row["answered_seq"],
        summary=row["summary"],
        summary_upto=row["summary_upto"],
        pending=None if pending is None else _pending(pending),
        human_until=row["human_until"],
        known_as=tuple(row["known_as"].split()),
        updated_at=row["updated_at"],
    )


def _pending(stored: dict[str, Any]) -> Pending:
    return Pending(**{**stored, "at": datetime.fromisoformat(stored["at"])})


def facts_of(stored: list[list[str]] | None) -> tuple[Fact, ...]:
    """Read what is known of a contact."""
    return tuple(Fact("fact", name, value) for name, value in stored or ())


def line_of(row: Any) -> Line:
    """Read a line's row."""
    return Line(
        seq=row["seq"],
        role=Role(row["role"]),
        text=row["text"],
        at=row["written_at"],
        message_id=MessageId(row["message_id"]) if row["message_id"] else None,
        media=media_of(row["media"]),
        run=row["run_id"],
        speaker=row["speaker"],
        attached=row["attached"],
        unsent=row["unsent"],
        opted_out=row["opted_out"],
    )


def media_json(media: LineMedia | None) -> str | None:
    """Write a line's file."""
    return None if media is None else as_json(asdict(media))


def run_of(stored: dict[str, Any]) -> Run:
    """Read a run with its steps."""
    steps = tuple(map(step_of, stored["steps"]))
    return Run(RunId(stored["id"]), stored["upto"], steps, AgentId(stored["agent"]))


def step_of(row: Any) -> Step:
    """Read a step's row."""
    return Step(
        seq=row["seq"],
        kind=StepKind(row["kind"]),
        state=StepState(row["state"]),
        name=row["name"],
        call_id=row["call_id"],
        input=row["input"],
        output=row["output"],
        model=row["model"],
        usage=Usage(row["input_tokens"], row["cached_tokens"], row["output_tokens"]),
        cost=Cost(row["cost_micros"], row["priced"]),
        latency_ms=row["latency_ms"],
    )


def step_values(step: Step) -> dict[str, Any]:
    """Write a step."""
    return {
        "seq": step.seq,
        "kind": step.kind,
        "state": step.state,
        "name": step.name,
        "call_id": step.call_id,
        "input": step.input,
        "output": step.output,
        "model": step.model,
        "input_tokens": step.usage.input_tokens,
        "cached_tokens": step.usage.cached_tokens,
        "output_tokens": step.usage.output_tokens,
        "cost_micros": step.cost.micros,
        "priced": step.cost.priced,
        "latency_ms": step.latency_ms,
    }


def steps_json(steps: Iterable[Step]) -> str:
    """Write steps as one JSON list."""
    return as_json([step_values(step) for step in steps])


def run_values(run: Run, ended: Ended) -> dict[str, Any]:
    """Give what a run's row says at its end."""
    steps = run.with_steps(*ended.steps).steps
    whole = Run(run.id, run.upto_seq, steps)
    models = [step.model for step in steps if step.model]
    return {
        "run": run.id,
        "upto": run.upto_seq,
        "outcome": ended.outcome,
        "answer": ended.answer,
        "reason": ended.reason,
        "model": models[-1] if models else "",
        "input": whole.usage.input_tokens,
        "cached": whole.usage.cached_tokens,
        "output": whole.usage.output_tokens,
        "cost": whole.cost_micros,
        "latency": sum(step.latency_ms for step in steps),
    }
