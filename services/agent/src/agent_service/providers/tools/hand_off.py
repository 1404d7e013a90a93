"""Ask for a person: the hand-off itself happens when the answer is sent."""

from datetime import datetime
from typing import Any

from agent_service.domain.model import Effect, ToolResult, ToolSpec
from agent_service.domain.model.hours import hours_of
from agent_service.domain.model.schemas import closed
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context, LocalTool, ToolScope


async def _hand_off(scope: ToolScope, arguments: dict[str, Any], _: Context) -> ToolResult:
    asked = {name: storable(arguments[name]).strip() for name in ("reason", "summary")}
    hours = hours_of(scope.agent.settings)
    when = "" if hours.is_open(scope.now) else _later(hours.next_change(scope.now))
    return ToolResult(
        f"A person will take over{when}. Tell the customer so in one short sentence.",
        hand_off=asked,
    )


def _later(opening: datetime | None) -> str:
    known = f", on {opening:%A, %Y-%m-%d at %H:%M}" if opening else ""
    return f", but not now: the business is closed. It will be once it opens{known}"


HAND_OFF = LocalTool(
    ToolSpec(
        "hand_off",
        "Ask a person of the team to take over: when the customer asks for one, or when you "
        "cannot help.",
        closed(
            {
                "reason": {"type": "string", "minLength": 1, "maxLength": 300},
                "summary": {
                    "type": "string",
                    "maxLength": 1500,
                    "description": "What the person must know: the wish, and what was said.",
                },
            }
        ),
        Effect.WRITE,
    ),
    _hand_off,
)
