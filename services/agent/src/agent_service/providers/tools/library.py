"""Send files of the tenant's library."""

from typing import Any, cast

from agent_service.domain.model import Effect, MediaItem, ToolResult, ToolSpec, command_id
from agent_service.domain.model.checks import breach
from agent_service.domain.model.schemas import closed
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context, LocalTool, ToolScope
from common.contracts import File, MediaMessage, SendMessage
from common.errors import InvalidInput

_SHOWN = 100


async def _list(scope: ToolScope, _: dict[str, Any], context: Context) -> ToolResult:
    return ToolResult(await _names(scope, context))


async def _send(scope: ToolScope, arguments: dict[str, Any], context: Context) -> ToolResult:
    item = await context.library.named(scope.tenant, arguments["name"])
    if item is None:
        raise InvalidInput(f"there is no such file. {await _names(scope, context)}")
    caption = storable(arguments["caption"] or "").strip()
    if (found := breach(caption, scope.agent)) is not None:
        raise InvalidInput(f"the caption would show {found}")
    context.outbox.add(_command(scope, item, caption), tenant=scope.tenant)
    return ToolResult(f"{item.name} is being sent.")


def _command(scope: ToolScope, item: MediaItem, caption: str) -> SendMessage:
    file = File(reference=item.reference, mimetype=item.mimetype, name=item.name)
    kind = cast("Any", item.kind)  # one of the four that the library takes
    return SendMessage(
        command_id=command_id(scope.run, scope.key),
        chat_id=scope.conversation.chat_id,
        integration_id=scope.conversation.integration_id,
        content=MediaMessage(kind=kind, file=file, caption=caption),
    )


async def _names(scope: ToolScope, context: Context) -> str:
    items = await context.library.every(scope.tenant, limit=_SHOWN)
    listed = "; ".join(f"{item.name} ({item.kind})" for item in items)
    return f"Files: {listed}." if items else "The library is empty."


TOOLS = (
    LocalTool(
        ToolSpec("list_media", "List the files that can be sent to customers.", closed({})), _list
    ),
    LocalTool(
        ToolSpec(
            "send_media",
            "Send the customer a file of the library, by its name.",
            closed(
                {
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "caption": {"type": ["string", "null"], "maxLength": 1000},
                }
            ),
            Effect.WRITE,
        ),
        _send,
    ),
)
