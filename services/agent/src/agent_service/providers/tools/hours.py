"""Say whether the business is open."""

from typing import Any

from agent_service.domain.model import ToolResult, ToolSpec
from agent_service.domain.model.hours import hours_of
from agent_service.domain.model.schemas import closed
from agent_service.domain.ports import Context, LocalTool, ToolScope


async def _business_hours(scope: ToolScope, _: dict[str, Any], __: Context) -> ToolResult:
    settings = scope.agent.settings
    hours = hours_of(settings)
    if not hours.rules:
        return ToolResult("No opening hours are set: the business does not say when it is closed.")
    is_open, change = hours.is_open(scope.now), hours.next_change(scope.now)
    now = "open" if is_open else "closed"
    then = "closes" if is_open else "opens"
    when = f" It {then} next on {change:%A, %Y-%m-%d at %H:%M}." if change else ""
    rules = ", ".join(settings.business_hours)
    closed_on = f" Closed on {', '.join(settings.holidays)}." if settings.holidays else ""
    return ToolResult(f"Now {now}.{when} Opening hours: {rules} ({hours.zone}).{closed_on}")


BUSINESS_HOURS = LocalTool(
    ToolSpec("business_hours", "Look up whether the business is open, and when.", closed({})),
    _business_hours,
)
