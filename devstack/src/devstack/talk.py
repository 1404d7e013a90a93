"""What else a customer lives: a voice note, a tool, a person; and what it cost the tenant."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from common.contracts import HandoffRequested, Topic
from devstack.errors import StackError
from devstack.events import first
from devstack.polling import until
from devstack.session import Session
from devstack.transcript import Transcript

SPEECH = "Do you have rye bread today?"
HOURS = "When do you open on Saturdays?"
OPEN_FROM = "We are open every day from 8 to 18."
PERSON = "quero falar com um atendente"
STILL_THERE = "are you there?"
_QUIET = 1.0
"""Seconds without an answer after which we believe that none comes: the agent pauses for 0.3."""


class Phone(Protocol):
    """The customer's phone and the tenant's key, as the journey so far has made them."""

    session: Session
    agent: str

    async def write(self, text: str = ..., **more: Any) -> str:
        """Be the customer."""

    async def next_answer(self) -> str:
        """Wait for one more message to the customer."""

    async def sent(self) -> list[dict[str, Any]]:
        """List all of them."""

    async def billed(self) -> list[dict[str, Any]]:
        """List the calls that the model server has served."""

    async def call(self, method: str, path: str) -> dict[str, Any]:
        """Call the public API."""

    async def listed(self, path: str) -> list[dict[str, Any]]:
        """Read a list from the public API."""

    async def door(self, method: str, path: str, *, json: Any = None) -> Any:
        """Use the sandbox's control door."""


@dataclass(slots=True)
class Talk:
    """The second part of the journey."""

    phone: Phone
    conversation: str = ""

    async def play(self, transcript: Transcript) -> None:
        """Play every step.

        Raises:
            StackError: at the first step that is not as it should be.
        """
        await transcript.play("a voice note is answered", self.speak())
        await transcript.play("a tool is used", self.ask_for_the_hours())
        await transcript.play("the customer wants a person", self.ask_for_a_person())
        await transcript.play("the hand-off is told", self.see_the_event())
        await transcript.play("the agent stays silent", self.stay_silent())
        await transcript.play("the usage is counted", self.show_usage())

    async def speak(self) -> str:
        """Send a voice note; the stand-in for the model says again what it was told."""
        await self.phone.write("", kind="voice", speech=SPEECH)
        answer = await self.phone.next_answer()
        _require(SPEECH in answer, f"the answer to the voice note was: {answer}")
        return f"Maria (voice): {SPEECH} · Ana: {answer}"

    async def ask_for_the_hours(self) -> str:
        """Ask what the agent must look up; the stand-in answers by what the tool really said."""
        asks = {"match": {"contains": HOURS}, "reply": {"tool_calls": [{"name": "business_hours"}]}}
        told = {"match": {"tool_output": "mon-sun 08:00-18:00"}, "reply": {"text": OPEN_FROM}}
        await self.phone.door("POST", "/_sandbox/openai/script", json=[asks, told])
        await self.phone.write(HOURS)
        answer = await self.phone.next_answer()
        await self.phone.door("POST", "/_sandbox/openai/script", json=[])
        _require(answer == OPEN_FROM, f"the answer without the tool was: {answer}")
        return f"Maria: {HOURS} · Ana: {answer}"

    async def ask_for_a_person(self) -> str:
        """Say the words; no model is asked what they mean."""
        billed = len(await self.phone.billed())
        await self.phone.write(PERSON)
        answer = await self.phone.next_answer()
        _require(len(await self.phone.billed()) == billed, "a model was asked about it")
        [conversation] = await self.phone.listed("/api/conversations?state=handoff_requested")
        self.conversation = str(conversation["id"])
        return f"Maria: {PERSON} · Ana: {answer}"

    async def see_the_event(self) -> str:
        """Read the event from its topic, as another service would; elsewhere, the conversation."""
        if self.phone.session.broker != "kafka":
            [run, *_] = (await self._shown())["runs"]
            return f"state handoff_requested: {run['reason']}"
        bootstrap = self.phone.session.environment["KAFKA_BOOTSTRAP_SERVERS"]
        event = await first(bootstrap, Topic.AGENT_CONVERSATIONS, HandoffRequested, self._is_ours)
        return f"{event.type}: {event.reason}"

    async def stay_silent(self) -> str:
        """Write again: it is kept for the person, and nobody answers it."""
        before = len(await self.phone.sent())
        await self.phone.write(STILL_THERE)

        async def kept() -> bool:
            return any(line["text"] == STILL_THERE for line in (await self._shown())["lines"])

        await until(kept, every=0.05)
        await asyncio.sleep(_QUIET)  # what must not come announces itself to nobody
        shown = await self._shown()
        _require(len(await self.phone.sent()) == before, "the agent answered in a person's place")
        _require(shown["state"] == "handoff_requested", f"the conversation is {shown['state']}")
        return f"Maria: {STILL_THERE} · (state {shown['state']})"

    async def show_usage(self) -> str:
        """Show what the tenant used; every call that the model server billed is in it."""
        [used] = await self.phone.listed("/api/usage")
        billed = len(await self.phone.billed())
        _require(used["calls"] == billed, f"{used['calls']} calls are counted of {billed}")
        return (
            f"{used['calls']} calls, {used['input_tokens']} + {used['output_tokens']} tokens,"
            f" {used['cost_micros'] / 1_000_000:.6f} USD"
        )

    async def _shown(self) -> dict[str, Any]:
        return await self.phone.call("GET", f"/api/conversations/{self.conversation}")

    def _is_ours(self, event: HandoffRequested) -> bool:
        return event.conversation_id == self.conversation


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as the assert it is
    if not holds:
        raise StackError(otherwise)
