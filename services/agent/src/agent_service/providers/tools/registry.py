"""All tools there are, and which of them an agent is given."""

from collections.abc import Sequence

from agent_service.domain.model import Agent, HttpTool
from agent_service.domain.ports import Tool
from agent_service.providers.tools import facts, follow_up, hand_off, hours, library
from agent_service.providers.tools.http import HttpToolCaller

BUILT_IN: tuple[Tool, ...] = (
    *facts.TOOLS,
    follow_up.SCHEDULE_FOLLOW_UP,
    hand_off.HAND_OFF,
    hours.BUSINESS_HOURS,
    *library.TOOLS,
)
"""What needs nothing but our own database.

The tools of another service (google, crm) are `RemoteTool`s made around its client: one module
beside these, `google.py` or `crm.py`, and one argument more to `Registry` in `app/wiring.py`.
"""


class Registry:
    """Gives an agent its tools."""

    def __init__(self, http: HttpToolCaller, *more: Tool) -> None:
        self._http = http
        self._shared = {tool.spec.name: tool for tool in (*BUILT_IN, *more)}

    @property
    def names(self) -> frozenset[str]:
        """Of those that every tenant may allow its agents."""
        return frozenset(self._shared)

    def build(self, agent: Agent, own: Sequence[HttpTool]) -> dict[str, Tool]:
        """Give an agent's tools by name, in a stable order: what it was allowed and exists.

        The order is part of a prompt's static prefix, which servers keep in their caches.
        """
        allowed = set(agent.settings.tools)
        found = {name: tool for name, tool in self._shared.items() if name in allowed}
        for tool in own:
            if tool.name in allowed and tool.name not in self._shared:
                found[tool.name] = self._http.tool(tool)
        return dict(sorted(found.items()))
