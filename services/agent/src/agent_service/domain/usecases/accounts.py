"""Leave a model account alone that has refused (no quota, no valid key), and tell the operator."""

from datetime import datetime, timedelta

from agent_service.domain.model import Agent
from agent_service.domain.ports import AccountRefused, Alarm, Opener
from common.errors import NeedsOperator

_LEFT_ALONE = timedelta(minutes=5)
"""Then it is tried again."""


def require_account(agent: Agent, now: datetime) -> None:
    """Go on only if an agent's model account has not refused a moment ago.

    Raises:
        NeedsOperator: it has; nobody needs to ask it again to know.
    """
    if agent.refused_until is not None and now < agent.refused_until:
        raise NeedsOperator(agent.refused_because)


async def note_refusal(open_context: Opener, agent: Agent, error: Exception, alarm: Alarm) -> None:
    """When an account has refused, leave it alone for a while: whichever worker, whoever writes."""
    if not isinstance(error, AccountRefused):
        return
    async with open_context() as context:
        until = context.now() + _LEFT_ALONE
        is_news = await context.agents.refuse_account(agent, until, str(error))
    if is_news:
        alarm(agent, str(error))
