"""The control door's OpenAI part: the script, the limits, the journal."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from sandbox.control.access import InOpenAI
from sandbox.openai.catalog import Model
from sandbox.openai.limits import Limits
from sandbox.openai.script import Rule
from sandbox.strict import Strict
from sandbox.wire import Json

door = APIRouter(prefix="/_sandbox/openai", tags=["openai"])


class LatencyOrder(Strict):
    """How long the model thinks."""

    seconds: NonNegativeFloat


class LimitsOrder(Strict):
    """What a key may use per window; null is unlimited."""

    requests: PositiveInt | None = None
    tokens: PositiveInt | None = None
    window_seconds: PositiveFloat = 60


class KeysOrder(Strict):
    """Which keys are valid (empty: every sk-...), and which are out of money."""

    accepted: list[str] = Field(default_factory=list)
    without_quota: list[str] = Field(default_factory=list)


class ModelOrder(Strict):
    """A model to add, or one to retire."""

    name: str
    context_window: PositiveInt = 128_000
    legacy_max_tokens: bool = False
    retired: bool = False


class SpeechOrder(Strict):
    """What every recording says; null for the default."""

    text: str | None


@door.post("/script")
async def script(rules: list[Rule], openai: InOpenAI) -> Json:
    """Replace the script; the first rule that applies answers."""
    openai.brain.learn(rules)
    return {"rules": len(rules)}


@door.get("/script")
async def read_script(openai: InOpenAI) -> list[Json]:
    """Show the script and how often each rule was used."""
    return openai.brain.rows()


@door.post("/latency")
async def latency(order: LatencyOrder, openai: InOpenAI) -> Json:
    """Set how long every answer takes."""
    openai.latency_seconds = order.seconds
    return {"seconds": order.seconds}


@door.post("/speech")
async def speech(order: SpeechOrder, openai: InOpenAI) -> Json:
    """Set what recordings say that carry no words of their own."""
    openai.transcript = order.text
    return {"text": order.text}


@door.post("/moderation")
async def flags(words: dict[str, str], openai: InOpenAI) -> Json:
    """Set which words are flagged, and as which category."""
    openai.flags = words
    return {"words": len(words)}


@door.post("/limits")
async def limits(order: LimitsOrder, openai: InOpenAI) -> Json:
    """Enforce rate limits per key."""
    openai.limiter.clear()
    openai.limiter.limits = Limits(order.requests, order.tokens, order.window_seconds)
    return order.model_dump()


@door.post("/keys")
async def keys(order: KeysOrder, openai: InOpenAI) -> Json:
    """Set the valid keys and the poor ones."""
    openai.accepted_keys = frozenset(order.accepted)
    openai.poor_keys = frozenset(order.without_quota)
    return {"accepted": len(order.accepted), "without_quota": len(order.without_quota)}


@door.post("/models")
async def models(order: ModelOrder, openai: InOpenAI) -> Json:
    """Add or retire a model."""
    if order.retired:
        openai.catalog.retire(order.name)
    else:
        openai.catalog.add(
            Model(
                order.name,
                context_window=order.context_window,
                legacy_max_tokens=order.legacy_max_tokens,
            )
        )
    return {"models": openai.catalog.names()}


@door.get("/calls")
async def calls(
    openai: InOpenAI, since: int = 0, contains: str | None = None, endpoint: str | None = None
) -> list[Json]:
    """List every served call; `contains` filters on what was said in it."""
    rows = [call.row() for call in openai.calls if call.seq > since]
    return [row for row in rows if endpoint in {None, row["endpoint"]} and _mentions(row, contains)]


@door.get("/calls/count")
async def count(openai: InOpenAI, contains: str | None = None) -> Json:
    """Count the served calls, all or by what was said, and those that wait for their answer."""
    count = openai.accepted
    if contains is not None:
        count = sum(_mentions(call.row(), contains) for call in openai.calls)
    return {"count": count, "thinking": openai.thinking}


@door.delete("/calls")
async def forget(openai: InOpenAI) -> Json:
    """Empty the list; sequence numbers go on."""
    forgotten = len(openai.calls)
    openai.calls.clear()
    return {"forgotten": forgotten}


def _mentions(row: dict[str, Any], contains: str | None) -> bool:
    return contains is None or contains in f"{row['instructions']}\n{row['input']}"
