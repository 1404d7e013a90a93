"""Use one tool once: checked, confirmed where it cannot be undone, and never repeated blindly."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from agent_service.domain.model import (
    Effect,
    Pending,
    Step,
    StepKind,
    StepState,
    ToolCall,
    ToolResult,
    Turn,
)
from agent_service.domain.model.consent import consented, question, replies
from agent_service.domain.model.tools import BadArguments, canonical, read_arguments
from agent_service.domain.ports import (
    Clock,
    Context,
    Lease,
    LocalTool,
    Opener,
    RemoteTool,
    Tool,
    ToolScope,
)
from agent_service.domain.usecases.work import CapReached, Work
from common.contracts import derived_id
from common.errors import OutcomeUnknown, ParleyError, Permanent, RateLimited, TimedOut, Transient

_REPAIRS = 2
"""How often the model may write arguments anew in one run."""
_CONSENT_LASTS = timedelta(days=1)
_UNKNOWN = (
    "It is not known whether this was done: the other side did not answer. Do not try it again. "
    "Tell the customer that it will be checked."
)
_CONFIRM = (
    "Not done yet: this cannot be undone, so the customer must confirm it. Tell them exactly what "
    "will be done and ask for a plain yes. After their yes, call this tool again with the same "
    "arguments."
)
_AGAIN = "You have called this already with the same arguments. The answer was: "


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of a tool, about to happen."""

    work: Work
    call: ToolCall
    tool: Tool
    arguments: dict[str, Any]
    step: Step
    scope: ToolScope


@dataclass(frozen=True, slots=True)
class Acting:
    """Uses tools."""

    open_context: Opener
    now: Clock

    async def act(self, work: Work, call: ToolCall, begun: Step | None, lease: Lease) -> None:
        """Use a tool and journal what it answered; `begun` is what a worker before us started.

        Raises:
            CapReached: the model writes nonsense, or asks for the same again and again.
            LeaseLost: another worker has the conversation; the tool was not used by us.
        """
        seq = begun.seq if begun is not None else work.turn.run.next_seq
        step = begun or _step(seq, call, Effect.READ)
        answered = None if begun is not None else _same_before(work.turn, call)
        tool = work.tools.get(call.name)
        if answered is not None:
            await self._journal(work, _told(step, f"{_AGAIN}{answered.said}"), lease)
            return
        if tool is None and begun is not None:
            await self._journal(work, _told(step, _UNKNOWN, StepState.UNKNOWN), lease)
            return
        if tool is None:
            await self._repair(work, step, f"There is no tool {call.name!r}.", lease)
            return
        try:
            arguments = read_arguments(call, tool.spec)
        except BadArguments as wrong:
            await self._repair(work, step, str(wrong), lease)
            return
        scope = _scope(work, call, seq, self.now)
        use = _Use(work, call, tool, arguments, _step(seq, call, tool.spec.effect), scope)
        await self._use(use, begun, lease)

    async def _use(self, use: _Use, begun: Step | None, lease: Lease) -> None:
        if begun is not None and isinstance(use.tool, RemoteTool):
            await self._after_a_crash(use, use.tool, lease)
        elif use.tool.spec.effect is Effect.IRREVERSIBLE and not _confirmed(use):
            await self._ask_the_customer(use, lease)
        elif isinstance(use.tool, LocalTool):
            await self._locally(use, use.tool, lease)
        else:
            await self._remotely(use, use.tool, lease)

    async def _repair(self, work: Work, step: Step, problem: str, lease: Lease) -> None:
        """Send the model's mistake back to it, twice at most."""
        output = {**ToolResult(problem).written(), "repair": True}
        await self._journal(work, replace(step, state=StepState.FAILED, output=output), lease)
        failed = [s for s in work.turn.run.of_kind(StepKind.TOOL) if s.output.get("repair")]
        if len(failed) > _REPAIRS:
            raise CapReached("the model keeps calling tools with wrong arguments")

    async def _ask_the_customer(self, use: _Use, lease: Lease) -> None:
        turn = use.work.turn
        pending = Pending(
            use.call.name, canonical(use.call.arguments), turn.run.upto_seq, use.scope.now
        )
        asked = _told(_step(use.step.seq, use.call, Effect.READ), _CONFIRM)

        async def remember(context: Context) -> None:
            await context.conversations.set_pending(turn.conversation.id, pending)

        await self._journal(use.work, asked, lease, also=remember)
        _set_pending(use.work, pending)

    async def _locally(self, use: _Use, tool: LocalTool, lease: Lease) -> None:
        """Effect and result in one transaction."""
        try:
            async with self.open_context() as context:
                await lease.confirm(context)
                result = await tool.act(use.scope, use.arguments, context)
                await _spend_consent(context, use)
                done = replace(use.step, output=result.written())
                await context.runs.journal(use.work.turn, [done])
        except Permanent as refused:
            problem = _told(use.step, f"Not done: {refused}", StepState.FAILED)
            await self._journal(use.work, problem, lease)
            return
        use.work.note(done)
        _forget_consent(use)

    async def _remotely(self, use: _Use, tool: RemoteTool, lease: Lease) -> None:
        """Say that it begins, do it with no transaction open, say how it ended."""
        if tool.spec.effect is not Effect.READ:
            started = replace(use.step, state=StepState.STARTED)

            async def spend(context: Context) -> None:
                await _spend_consent(context, use)

            await self._journal(use.work, started, lease, also=spend)
            _forget_consent(use)
        await self._journal(use.work, await self._called(use, tool), lease)

    async def _called(self, use: _Use, tool: RemoteTool, *, again: bool = False) -> Step:
        try:
            result = await tool.call(use.scope, use.arguments)
        except Transient as failure:
            is_write = tool.spec.effect is not Effect.READ
            if is_write and (again or _may_have_happened(failure, tool)):
                return await self._looked_up(use, tool, again=again)
            return _told(use.step, "The other side is not available now.", StepState.FAILED)
        except ParleyError as refused:
            return _told(use.step, f"Not done: {refused}", StepState.FAILED)
        return replace(use.step, output=result.written())

    async def _after_a_crash(self, use: _Use, tool: RemoteTool, lease: Lease) -> None:
        """A worker before us began this, and nobody knows how far it came: ask first."""
        if tool.repeatable:
            ended = await self._called(use, tool)
        else:
            ended = await self._looked_up(use, tool, again=False)
        await self._journal(use.work, ended, lease)

    async def _looked_up(self, use: _Use, tool: RemoteTool, *, again: bool) -> Step:
        """Find out what became of a call; where that cannot be, say so and leave it alone.

        What the other side never saw is called once more, under the same key.
        """
        if tool.lookup is None:
            return _told(use.step, _UNKNOWN, StepState.UNKNOWN)
        try:
            found = await tool.lookup(use.scope)
        except ParleyError:
            return _told(use.step, _UNKNOWN, StepState.UNKNOWN)
        if found is not None:
            return replace(use.step, output=found.written())
        if again:
            return _told(use.step, _UNKNOWN, StepState.UNKNOWN)
        return await self._called(use, tool, again=True)

    async def _journal(
        self,
        work: Work,
        step: Step,
        lease: Lease,
        *,
        also: Callable[[Context], Awaitable[None]] | None = None,
    ) -> None:
        async with self.open_context() as context:
            await lease.confirm(context)
            if also is not None:
                await also(context)
            await context.runs.journal(work.turn, [step])
        work.note(step)


def _step(seq: int, call: ToolCall, effect: Effect) -> Step:
    given = {"arguments": call.arguments, "effect": effect}
    return Step(seq, StepKind.TOOL, name=call.name, call_id=call.id, input=given)


def _told(step: Step, text: str, state: StepState = StepState.DONE) -> Step:
    output: dict[str, Any] = ToolResult(text).written()
    return replace(step, state=state, output=output)


def _scope(work: Work, call: ToolCall, seq: int, now: Clock) -> ToolScope:
    turn = work.turn
    key = derived_id("key", turn.run.id, str(seq), call.id)
    return ToolScope(turn.agent, turn.conversation, turn.run.id, seq, call.id, key, now())


def _same_before(turn: Turn, call: ToolCall) -> Step | None:
    """Find an earlier call of this run that asked the very same, and was answered.

    Raises:
        CapReached: it was asked twice already.
    """
    wanted = (call.name, canonical(call.arguments))
    same = [
        step
        for step in turn.run.of_kind(StepKind.TOOL)
        if (step.name, canonical(str(step.input.get("arguments", "")))) == wanted
        and step.state is not StepState.FAILED
    ]
    if len(same) > 1:
        raise CapReached(f"the model asks for the same again and again: {call.name}")
    return same[0] if same else None


def _may_have_happened(failure: Transient, tool: RemoteTool) -> bool:
    """Whether a call that failed may have had its effect; of a repeated one, always."""
    if isinstance(failure, RateLimited):
        return False
    return tool.repeatable or isinstance(failure, OutcomeUnknown | TimedOut)


def _confirmed(use: _Use) -> bool:
    """Whether the customer said yes, after they were asked, to exactly this."""
    pending = use.work.turn.conversation.pending
    if pending is None or pending.tool != use.call.name:
        return False
    if pending.arguments != canonical(use.call.arguments):
        return False
    if use.scope.now - pending.at > _CONSENT_LASTS:
        return False
    turn = use.work.turn
    since = {"after": pending.asked_seq, "upto": turn.run.upto_seq}
    return consented(replies(turn.history, **since), question(turn.history, **since))


async def _spend_consent(context: Context, use: _Use) -> None:
    """A yes is good for one use."""
    if use.tool.spec.effect is Effect.IRREVERSIBLE:
        await context.conversations.set_pending(use.work.turn.conversation.id, None)


def _forget_consent(use: _Use) -> None:
    if use.tool.spec.effect is Effect.IRREVERSIBLE:
        _set_pending(use.work, None)


def _set_pending(work: Work, pending: Pending | None) -> None:
    conversation = replace(work.turn.conversation, pending=pending)
    work.turn = replace(work.turn, conversation=conversation)
