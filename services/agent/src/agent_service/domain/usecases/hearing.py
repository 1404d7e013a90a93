"""Hear voice notes: what was said takes its place in the conversation, and the turn goes on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Ask,
    Conversation,
    LineMedia,
    MediaState,
    Step,
    StepKind,
    Usage,
)
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Chore, Clock, Context, Opener, Outside
from agent_service.domain.usecases.accounts import note_refusal, require_account
from agent_service.domain.usecases.spending import enter, refund, reserve_aside
from common.contracts import (
    AgentId,
    ConversationId,
    MediaStored,
    MessageId,
    RunId,
    TenantId,
    derived_id,
)
from common.errors import ParleyError, Transient

TRANSCRIBE = "transcribe"
VOICES = frozenset({"voice", "audio"})
_TRIES = 3
_USUAL_SECONDS = 60
_HEARD_TOKENS = 10
"""Of sound, a second."""
_SAID_TOKENS = 6
"""Of its words, a second: as fast as anybody speaks."""


class Recording(NamedTuple):
    """A voice note that waits to be heard."""

    tenant: TenantId
    agent: AgentId
    conversation: ConversationId
    message: MessageId
    reference: str
    mimetype: str
    seconds: int | None = None
    """How long it is, if anybody has said."""


async def media_came(
    context: Context, tenant: TenantId, conversation: ConversationId, event: MediaStored
) -> None:
    """Write down that a line's file is there, or never will be; a recording is to be heard.

    A conversation that is none of ours has no such line, and nothing happens.
    """
    known = await context.conversations.get(conversation)
    manners = await context.agents.settings_of([known.agent_id]) if known is not None else {}
    if known is None or known.agent_id not in manners:
        return
    # Whoever opted out is not answered: their words are not paid for.
    to_be_heard = _is_to_be_heard(event, manners[known.agent_id]) and not (
        await context.conversations.opted_out(conversation, event.message_id)
    )
    media, state = event.media, MediaState.STORED
    if media.reference is None:
        state = MediaState.LOST
    elif to_be_heard:
        state = MediaState.AWAITED  # until it has been heard
    found = LineMedia(
        kind=event.kind,
        state=state,
        reference=media.reference,
        mimetype=media.mimetype,
        name=media.file_name.replace("\0", "") if media.file_name else None,
        seconds=media.seconds,
    )
    if not await context.conversations.media_came(conversation, event.message_id, found):
        return
    if not to_be_heard:
        await context.conversations.release(conversation, context.now())
        return
    await context.chores.add(_hearing_chore(tenant, known, event))


def _hearing_chore(tenant: TenantId, conversation: Conversation, event: MediaStored) -> Chore:
    what = {
        "do": TRANSCRIBE,
        "agent": conversation.agent_id,
        "conversation": conversation.id,
        "message": event.message_id,
        "reference": event.media.reference or "",
        "mimetype": event.media.mimetype or "audio/ogg",
        "seconds": str(event.media.seconds or ""),
    }
    name = derived_id("hear", conversation.id, event.message_id)
    return Chore(tenant, f"{conversation.id}:hear", name, what)


def _is_to_be_heard(event: MediaStored, settings: AgentSettings) -> bool:
    is_there = event.media.reference is not None
    return is_there and event.kind in VOICES and settings.speech_to_text


class _Heard(NamedTuple):
    """What a recording says, and what it cost to know."""

    text: str
    ask: Ask
    step: Step


@dataclass(frozen=True, slots=True)
class Hearing:
    """Hears recordings."""

    open_context: Opener
    outside: Outside
    now: Clock

    async def hear(
        self,
        recording: Recording,
        attempts: int,
        finish: Callable[[Context], Awaitable[None]],
    ) -> None:
        """Write a recording's words into its line; pays once, as the words are kept with it.

        Raises:
            Transient: not now; after a few tries the line says that it could not be heard.
        """
        await self.outside.prices.refresh()
        heard = None
        try:
            heard = await self._heard(recording)
        except Transient:
            if attempts + 1 < _TRIES:
                raise
        except ParleyError:
            heard = None  # nor will it be: a limit is reached, or nobody can hear it
        text = None if heard is None else heard.text
        async with self.open_context() as context:
            await context.conversations.heard(recording.conversation, recording.message, text)
            await context.conversations.release(recording.conversation, context.now())
            if heard is not None:
                await enter(context, heard.ask, heard.step)
            await finish(context)

    async def _heard(self, recording: Recording) -> _Heard | None:
        """Pay for a recording's words; None when its agent is gone."""
        began, prices = self.now(), self.outside.prices
        run = RunId(derived_id("run", "heard", recording.conversation, recording.message))
        async with self.open_context() as context:
            agent = await context.agents.get(recording.agent)
            if agent is None:
                return None
            require_account(agent, began)
            model = self.outside.ears.model_for(agent.settings.transcription_model) or ""
            owner = (run, agent, recording.conversation)
            ask, grant = await reserve_aside(context, owner, _most(recording), prices.of(model))
        grant.require()
        step = Step(1, StepKind.TRANSCRIPTION, model=model)
        try:
            text, usage = await self._words(agent, recording)
        except Exception as error:
            await refund(self.open_context, ask, error, step, prices)
            await note_refusal(self.open_context, agent, error, self.outside.alarm)
            raise
        step = replace(
            step,
            output={"seconds": usage.seconds} if usage.seconds else {},
            usage=usage,
            cost=prices.of(model).cost(usage),
            latency_ms=int((self.now() - began).total_seconds() * 1000),
        )
        return _Heard(text, ask, step)

    async def _words(self, agent: Agent, recording: Recording) -> tuple[str, Usage]:
        sound = await self.outside.files.read(recording.tenant, recording.reference)
        text, usage = await self.outside.ears.hear(agent, sound, recording.mimetype)
        if usage == Usage():
            usage = Usage(seconds=recording.seconds or 0)  # a server that bills in silence
        return storable(text).strip(), usage


def _most(recording: Recording) -> Usage:
    """Say what hearing a recording may use: by tokens or by its length, whichever is billed."""
    seconds = recording.seconds or _USUAL_SECONDS
    return Usage(seconds * _HEARD_TOKENS, 0, seconds * _SAID_TOKENS, seconds)
