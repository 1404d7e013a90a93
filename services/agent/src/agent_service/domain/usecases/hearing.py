"""Hear voice notes: what was said takes its place in the conversation, and the turn goes on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    LineMedia,
    MediaState,
    Step,
    StepKind,
    Usage,
)
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Chore, Clock, Context, Opener, Outside
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


class Recording(NamedTuple):
    """A voice note that waits to be heard."""

    tenant: TenantId
    agent: AgentId
    conversation: ConversationId
    message: MessageId
    reference: str
    mimetype: str


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
    media, state = event.media, MediaState.STORED
    if media.reference is None:
        state = MediaState.LOST
    elif _is_to_be_heard(event, manners[known.agent_id]):
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
    if not _is_to_be_heard(event, manners[known.agent_id]):
        await context.conversations.release(conversation, context.now())
        return
    what = {
        "do": TRANSCRIBE,
        "agent": known.agent_id,
        "conversation": conversation,
        "message": event.message_id,
        "reference": event.media.reference or "",
        "mimetype": event.media.mimetype or "audio/ogg",
    }
    name = derived_id("hear", conversation, event.message_id)
    await context.chores.add(Chore(tenant, f"{conversation}:hear", name, what))


def _is_to_be_heard(event: MediaStored, settings: AgentSettings) -> bool:
    is_there = event.media.reference is not None
    return is_there and event.kind in VOICES and settings.speech_to_text


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
        async with self.open_context() as context:
            agent = await context.agents.get(recording.agent)
        began, text, usage, model = self.now(), None, Usage(), ""
        try:
            if agent is not None:
                model = self.outside.ears.model_for(agent.settings.transcription_model) or ""
                text, usage = await self._words(agent, recording)
        except Transient:
            if attempts + 1 < _TRIES:
                raise
        except ParleyError:
            text = None
        elapsed = int((self.now() - began).total_seconds() * 1000)
        async with self.open_context() as context:
            await context.conversations.heard(recording.conversation, recording.message, text)
            if text is not None and agent is not None:
                step = Step(
                    1,
                    StepKind.TRANSCRIPTION,
                    model=model,
                    usage=usage,
                    cost=self.outside.prices.of(model).cost(usage),
                    latency_ms=elapsed,
                )
                run = RunId(derived_id("run", "heard", recording.conversation, recording.message))
                owner = (recording.tenant, agent.id, recording.conversation)
                await context.runs.enter(run, owner, step)
            await context.conversations.release(recording.conversation, context.now())
            await finish(context)

    async def _words(self, agent: Agent, recording: Recording) -> tuple[str | None, Usage]:
        sound = await self.outside.files.read(recording.tenant, recording.reference)
        text, usage = await self.outside.ears.hear(agent, sound, recording.mimetype)
        return storable(text).strip(), usage
