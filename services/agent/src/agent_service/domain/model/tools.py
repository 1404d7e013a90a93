"""Tools as a model is shown them, and what their use comes to."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent_service.domain.model.runs import Effect, ToolCall
from agent_service.domain.model.schemas import Schema, misfits
from common.contracts import TenantId

LONGEST_OUTPUT = 4000
"""Characters of a tool's output that a model is shown."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told about a tool, and how careful we are with it."""

    name: str
    description: str
    parameters: Schema
    effect: Effect = Effect.READ


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered."""

    text: str
    hand_off: dict[str, str] | None = None
    """Reason and summary, when it asked for a person."""

    def written(self) -> dict[str, Any]:
        """Give it as a journal keeps it."""
        kept: dict[str, Any] = {"text": self.text}
        return kept if self.hand_off is None else {**kept, "hand_off": self.hand_off}


@dataclass(frozen=True, slots=True)
class HttpTool:
    """A tool of a tenant's own: one call to one address."""

    id: str
    tenant: TenantId
    name: str
    description: str
    method: str
    url: str
    """May hold `{argument}` in its path and query, never in its host."""
    parameters: Schema
    effect: Effect
    created_at: datetime
    secret_header: str | None = None
    sealed_secret: str | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0
    max_bytes: int = 65_536
    lookup_url: str | None = None
    """Answers what became of `{key}`, the call's Idempotency-Key: 2xx done, 404 never happened."""
    repeatable: bool = False
    """Whether the other side honours Idempotency-Key, so that a call may be made again."""


@dataclass(frozen=True, slots=True)
class MediaItem:
    """A file of a tenant's library."""

    id: str
    tenant: TenantId
    name: str
    kind: str
    """image, video, document or audio."""
    mimetype: str
    size: int
    """Bytes."""
    reference: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Something to be said later."""

    id: str
    text: str
    due_at: datetime
    cancel_on_reply: bool
    """Whether it is not said once the customer has written again."""


class BadArguments(ValueError):
    """What the model wrote is not what the tool takes; the sentence is for the model."""


def read_arguments(call: ToolCall, spec: ToolSpec) -> dict[str, Any]:
    """Read a call's arguments.

    Raises:
        BadArguments: no JSON, or JSON that does not fit the tool's schema.
    """
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        raise BadArguments("The arguments are not JSON.") from None
    wrong = [fault for fault, _ in zip(misfits(value, spec.parameters), range(5), strict=False)]
    if wrong:
        raise BadArguments(f"{'; '.join(wrong)}.")
    arguments: dict[str, Any] = value
    return arguments


def canonical(arguments: str) -> str:
    """Write JSON in the one form in which two equal calls are equal texts."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        return arguments
