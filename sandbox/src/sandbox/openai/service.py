"""The OpenAI stand-in's whole state, and what every call may use of it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sandbox.faults import FaultBook
from sandbox.ids import Ids
from sandbox.openai.brain import Answer, Brain
from sandbox.openai.catalog import Catalog
from sandbox.openai.conversation import Conversation
from sandbox.openai.limits import Headers, Limiter
from sandbox.openai.tokens import cached
from sandbox.settings import Settings
from sandbox.wire import Call, Json, Reply, StreamReply

DEFAULT_FLAGS = {"sandbox-violence": "violence", "sandbox-hate": "hate", "sandbox-sex": "sexual"}
_KEPT_CALLS = 50_000
_SHOWN_KEY_LETTERS = 4


@dataclass(frozen=True, slots=True)
class AcceptedCall:
    """A call that was served, and would have been billed."""

    seq: int
    at: float
    endpoint: str
    key_suffix: str
    model: str
    request: Json
    answer: Json
    usage: Json
    request_id: str

    def row(self) -> Json:
        """Describe it for the control door."""
        request = self.request
        return {
            "seq": self.seq,
            "at": self.at,
            "endpoint": self.endpoint,
            "key_suffix": self.key_suffix,
            "model": self.model,
            "instructions": request.get("instructions"),
            "input": request.get("input", request.get("messages")),
            "tools": request.get("tools", []),
            "safety_identifier": request.get("safety_identifier"),
            "prompt_cache_key": request.get("prompt_cache_key"),
            "metadata": request.get("metadata"),
            "answer": self.answer,
            "usage": self.usage,
            "request_id": self.request_id,
        }


class OpenAI:
    """One OpenAI, as seen by all its keys."""

    def __init__(self, settings: Settings, faults: FaultBook) -> None:
        self.faults = faults
        self.ids = Ids()
        self._settings = settings
        self.catalog = Catalog()
        self.brain = Brain(self.ids)
        self.limiter = Limiter(time.monotonic)
        self.calls: deque[AcceptedCall] = deque(maxlen=_KEPT_CALLS)
        self.accepted = 0
        self.latency_seconds = 0.0
        self.thinking = 0
        """How many calls wait for their answer."""
        self.accepted_keys: frozenset[str] = settings.openai_keys
        self.poor_keys: frozenset[str] = frozenset()
        self.flags: dict[str, str] = dict(DEFAULT_FLAGS)
        self.transcript: str | None = None
        self._prompts: dict[tuple[str, str], str] = {}

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def accepts(self, key: str) -> bool:
        """Whether a key is valid."""
        if self.accepted_keys:
            return key in self.accepted_keys
        return key.startswith("sk-")

    def cached_tokens(self, key: str, cache_key: str | None, prompt: str) -> int:
        """Return how much of a prompt was seen before under the same cache key."""
        place = (key, cache_key or "")
        previous = self._prompts.get(place, "")
        self._prompts[place] = prompt
        return cached(previous, prompt)

    async def think(self) -> None:
        """Take as long as a model takes."""
        self.thinking += 1
        try:
            await asyncio.sleep(self.latency_seconds)
        finally:
            self.thinking -= 1

    def record(self, ask: Ask, model: str, answer: Json, usage: Json) -> None:
        """Enter a served call in the list."""
        self.accepted += 1
        self.calls.append(
            AcceptedCall(
                seq=self.accepted,
                at=self.now(),
                endpoint=ask.endpoint,
                key_suffix=ask.key[-_SHOWN_KEY_LETTERS:],
                model=model,
                request=ask.body,
                answer=answer,
                usage=usage,
                request_id=ask.request_id,
            )
        )

    def reset(self) -> None:
        """Return to the state of the start."""
        self.catalog = Catalog()
        self.brain.learn([])
        self.limiter.clear()
        self.calls.clear()
        self.accepted = 0
        self.latency_seconds = 0.0
        self.accepted_keys = self._settings.openai_keys
        self.poor_keys = frozenset()
        self.flags = dict(DEFAULT_FLAGS)
        self.transcript = None
        self._prompts.clear()


@dataclass(slots=True)
class Ask:
    """One call that passed authentication.

    Attributes:
        body: the JSON body; empty for forms and reads.
        headers: what the answer has to carry beyond its own.
    """

    openai: OpenAI
    call: Call
    key: str
    endpoint: str
    request_id: str
    body: Json
    headers: Headers = field(default=())

    def usage_details(self, conversation: Conversation, answer: Answer) -> tuple[int, int, int]:
        """Return input, cached and output tokens."""
        hit = self.openai.cached_tokens(
            self.key, self.body.get("prompt_cache_key"), conversation.prompt
        )
        return conversation.tokens, min(hit, conversation.tokens), answer.output_tokens

    def spend(self, conversation: Conversation) -> None:
        """Take the call out of the key's rate limit.

        Raises:
            ApiError: 429.
        """
        tokens = conversation.tokens + (conversation.max_output or 0)
        self.headers = self.openai.limiter.spend(self.key, tokens, conversation.model)


Handler = Callable[[Ask], Awaitable[Reply | StreamReply]]
