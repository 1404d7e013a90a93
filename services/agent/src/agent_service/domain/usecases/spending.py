"""Spend on a model: reserved before it is asked, settled after, in a turn and beside it."""

from dataclasses import dataclass, replace
from datetime import timedelta

from agent_service.domain.model import (
    Agent,
    Allowance,
    Answer,
    Ask,
    Price,
    Reached,
    Scope,
    Step,
    StepState,
    Usage,
)
from agent_service.domain.ports import Context, Opener, Prices, Wasted
from common.contracts import ConversationId, LimitReached, RunId
from common.errors import Permanent, RateLimited


class BudgetSpent(Permanent):
    """There is no money left for this today, or this month."""

    code = "budget_spent"


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether a model may be asked now."""

    wait: float = 0.0
    """Seconds until it may."""
    refused: Reached | None = None
    """The limit that forbids it."""

    @property
    def given(self) -> bool:
        """Whether it may."""
        return self.wait <= 0 and self.refused is None

    def require(self) -> None:
        """Go on only if it may.

        Raises:
            BudgetSpent: a limit on money is reached.
            RateLimited: later.
        """
        if self.refused is not None:
            whose, period = self.refused.scope.kind, self.refused.period
            raise BudgetSpent(f"the budget of the {whose} for the {period} is spent")
        if self.wait > 0:
            raise RateLimited(
                "the requests or tokens per minute are used up",
                retry_after=timedelta(seconds=self.wait),
            )


GRANTED = Grant()


def ask_of(run: RunId, agent: Agent, conversation: ConversationId, allowance: Allowance) -> Ask:
    """Say on whose accounts a run asks a model: its tenant's, its agent's and its contact's."""
    settings, since = agent.settings, agent.updated_at
    whole = allowance.limits(settings.requests_per_minute)
    scopes = (
        Scope("tenant", agent.tenant, whole, allowance.since),
        Scope("agent", agent.id, settings.limits, since),
        Scope("contact", conversation, settings.contact_limits, since),
    )
    return Ask(run, agent.tenant, agent.id, conversation, scopes)


def at_most(ask: Ask, most: Usage, price: Price) -> Ask:
    """Say what a call may use at most."""
    return replace(ask, tokens=most.total, micros=price.cost(most).micros)


async def reserve(context: Context, ask: Ask) -> Grant:
    """Reserve a call, and say when a limit is near or reached."""
    wait, refused, news = await context.budgets.reserve(ask)
    for reached in news:
        event = LimitReached(
            conversation_id=ask.contact,
            agent_id=ask.agent,
            scope=reached.scope.kind,
            period=reached.period,
            level=reached.level,
            used_micros=reached.used_micros,
            limit_micros=reached.limit_micros,
            since=reached.since,
        )
        context.outbox.add(event, tenant=ask.tenant)
    return Grant(wait, refused)


def paid(step: Step, answer: Answer, prices: Prices) -> Step:
    """Enter what was paid for an answer."""
    cost = prices.of(answer.model).cost(answer.usage)
    return replace(step, model=answer.model, usage=answer.usage, cost=cost)


def wasted(error: Wasted, step: Step, prices: Prices) -> Step:
    """Enter what was paid for an answer that is none."""
    return replace(
        step,
        state=StepState.FAILED,
        output={"failed": str(error)},
        model=error.model,
        usage=error.usage,
        cost=prices.of(error.model).cost(error.usage),
    )


async def reserve_aside(
    context: Context, owner: tuple[RunId, Agent, ConversationId], most: Usage, price: Price
) -> tuple[Ask, Grant]:
    """Reserve a call beside the turns, on the same accounts as theirs."""
    run, agent, conversation = owner
    allowance = await context.budgets.of_tenant(agent.tenant)
    asked = at_most(ask_of(run, agent, conversation, allowance), most, price)
    return asked, await reserve(context, asked)


async def enter(context: Context, ask: Ask, step: Step) -> None:
    """Enter what was paid beside the turns, in the place of what was reserved."""
    await context.runs.enter(ask.run, (ask.tenant, ask.agent, ask.contact), step)
    await context.budgets.settle(ask, step.usage, step.cost.micros)


async def refund(
    open_context: Opener, ask: Ask, error: Exception, step: Step, prices: Prices
) -> None:
    """Give back what was reserved for a call that came to nothing, but for what was paid."""
    if isinstance(error, Wasted) and error.is_paid:
        async with open_context() as context:
            await enter(context, ask, wasted(error, step, prices))
    elif not ask.is_free:
        async with open_context() as context:
            await context.budgets.release(ask)
