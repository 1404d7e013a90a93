"""Ask for a person: the hand-off itself happens when the answer is sent."""

from typing import Any

from agent_service.domain.model import Effect, ToolResult, ToolSpec
from agent_service.domain.model.schemas import closed
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context, LocalTool, ToolScope


async def _hand_off(_: ToolScope, arguments: dict[str, Any], __: Context) -> ToolResult:
    asked = {name: storable(arguments[name]).strip() for name in ("reason", "summary")}
    return ToolResult(
        "A person will take over. Tell the customer so in one short sentence.", hand_off=asked
    )


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
