"""Say something later, unless the customer writes first."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agent_service.domain.model import Effect, FollowUp, ToolResult, ToolSpec, command_id
from agent_service.domain.model.checks import breach
from agent_service.domain.model.hours import opening
from agent_service.domain.model.schemas import closed
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context, LocalTool, ToolScope
from agent_service.domain.usecases.follow_up import follow_up_chore
from common.errors import InvalidInput

_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=60)
_MOST = 5
"""Follow-ups that wait in one conversation at most."""


async def _schedule(scope: ToolScope, arguments: dict[str, Any], context: Context) -> ToolResult:
    settings, text = scope.agent.settings, storable(arguments["text"]).strip()
    due = opening(settings, _due(scope, arguments["at"]))
    if (found := breach(text, scope.agent)) is not None:
        raise InvalidInput(f"the text would show {found}")
    follow_up = FollowUp(
        command_id(scope.run, scope.key), text, due, arguments["cancel_if_customer_writes"]
    )
    if await context.follow_ups.add(scope.conversation, follow_up) > _MOST:
        raise InvalidInput(f"there are {_MOST} follow-ups waiting already")
    await context.chores.add(follow_up_chore(scope.conversation, follow_up))
    local = due.astimezone(ZoneInfo(settings.time_zone))
    return ToolResult(f"It will be said on {local:%A, %Y-%m-%d at %H:%M}.")


def _due(scope: ToolScope, text: str) -> datetime:
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("`at` must be like 2026-12-24T09:00") from None
    zone = ZoneInfo(scope.agent.settings.time_zone)
    due = (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    if not _SOONEST <= due - scope.now <= _LATEST:
        raise InvalidInput("`at` must be between a minute and 60 days from now")
    return due


SCHEDULE_FOLLOW_UP = LocalTool(
    ToolSpec(
        "schedule_follow_up",
        "Have a message sent to this customer later.",
        closed(
            {
                "at": {
                    "type": "string",
                    "description": "Local time of the business, such as 2026-12-24T09:00.",
                },
                "text": {"type": "string", "minLength": 1, "maxLength": 2000},
                "cancel_if_customer_writes": {
                    "type": "boolean",
                    "description": "Whether it is dropped once the customer has written again.",
                },
            }
        ),
        Effect.WRITE,
    ),
    _schedule,
)
