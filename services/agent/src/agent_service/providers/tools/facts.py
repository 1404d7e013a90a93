"""Remember things about the customer, and leave notes for the team."""

from typing import Any

from agent_service.domain.model import Effect, Fact, ToolResult, ToolSpec
from agent_service.domain.model.schemas import closed
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context, LocalTool, ToolScope


async def _remember(scope: ToolScope, arguments: dict[str, Any], context: Context) -> ToolResult:
    name = storable(arguments["name"]).strip().lower()
    fact = Fact("fact", name, storable(arguments["value"]).strip())
    await context.facts.keep(scope.tenant, scope.conversation.chat_id, fact)
    return ToolResult(f"Remembered: {name}.")


async def _note(scope: ToolScope, arguments: dict[str, Any], context: Context) -> ToolResult:
    # Named by its use: the same use writes the same note.
    note = Fact("note", scope.key, storable(arguments["text"]).strip())
    await context.facts.keep(scope.tenant, scope.conversation.chat_id, note)
    return ToolResult("Noted for the team; the customer does not see it.")


TOOLS = (
    LocalTool(
        ToolSpec(
            "remember_fact",
            "Remember something lasting about this customer, such as a name, an address or a "
            "preference. A fact of the same name is replaced.",
            closed(
                {
                    "name": {"type": "string", "minLength": 1, "maxLength": 60},
                    "value": {"type": "string", "minLength": 1, "maxLength": 500},
                }
            ),
            Effect.WRITE,
        ),
        _remember,
    ),
    LocalTool(
        ToolSpec(
            "add_note",
            "Leave a note about this customer for the team. The customer does not see it.",
            closed({"text": {"type": "string", "minLength": 1, "maxLength": 2000}}),
            Effect.WRITE,
        ),
        _note,
    ),
)
