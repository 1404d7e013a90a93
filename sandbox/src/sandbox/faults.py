"""Misbehaviour on demand: what to do wrong, at which call, how often."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from sandbox.strict import Strict

CallFault = Literal[
    "refuse",
    "delay",
    "drop_before",
    "drop_after",
    "status",
    "status_after",
    "hang",
    "hang_after",
    "garbage",
]
EvolutionFault = Literal[
    "connection_closed",
    "timed_out",
    "timed_out_after",
    "not_on_whatsapp",
    "graph_error",
    "license_required",
]
AckFault = Literal["ack_error", "no_acks"]
WebhookFault = Literal["duplicate_webhook", "reorder_webhooks", "drop_webhook", "delay_webhook"]
OpenAIFault = Literal[
    "rate_limit",
    "insufficient_quota",
    "server_error",
    "overloaded",
    "context_length_exceeded",
    "invalid_api_key",
    "permission_denied",
    "model_not_found",
]

CALL_FAULTS = frozenset(get_args(CallFault))
WEBHOOK_FAULTS = frozenset(get_args(WebhookFault))
ACK_FAULTS = frozenset(get_args(AckFault))
EVOLUTION_FAULTS = frozenset(get_args(EvolutionFault))
OPENAI_FAULTS = frozenset(get_args(OpenAIFault))
BY_PROVIDER: Mapping[str, frozenset[str]] = {
    "evolution": CALL_FAULTS | EVOLUTION_FAULTS | ACK_FAULTS | WEBHOOK_FAULTS,
    "openai": CALL_FAULTS | OPENAI_FAULTS,
}


class Where(Strict):
    """Which requests or webhooks a fault is meant for.

    Attributes:
        number: the request's ``number``, digits only.
        contains: text that the raw body must contain.
    """

    number: str | None = None
    contains: str | None = None


class FaultSpec(Strict):
    """A fault as it is ordered at the control door.

    Attributes:
        fault: one of `BY_PROVIDER`; a wrong name is answered with the list.
        call: a call's name (``sendText``, ``responses``), for webhook faults an event's name
            (``MESSAGES_UPSERT``), or ``*``.
        times: how often it strikes; null until it is deleted.
        seconds: length of a delay or a hang; the longest a reordered webhook is held back.
        status: HTTP status of ``status`` and ``status_after``.
        body: JSON body of ``status`` and ``status_after``.
        retry_after: seconds for the ``retry-after`` header.
    """

    provider: Literal["evolution", "openai"]
    call: str = "*"
    fault: str
    instance: str | None = None
    times: PositiveInt | None = 1
    seconds: NonNegativeFloat | None = None
    status: int | None = Field(default=None, ge=200, le=599)
    body: Any = None
    retry_after: NonNegativeFloat | None = None
    where: Where | None = None

    @model_validator(mode="after")
    def _fault_belongs_to_provider(self) -> FaultSpec:
        valid = BY_PROVIDER[self.provider]
        if self.fault not in valid:
            names = ", ".join(sorted(valid))
            raise ValueError(f"{self.provider} has no fault {self.fault!r}; valid: {names}")
        if self.fault in {"status", "status_after"} and self.status is None:
            raise ValueError(f"the fault {self.fault!r} needs a status, for example 503")
        return self


@dataclass(frozen=True, slots=True)
class Point:
    """A place where a fault may strike."""

    provider: str
    call: str
    instance: str | None
    body: bytes


@dataclass(slots=True)
class Fault:
    """An ordered fault and how often it struck."""

    id: int
    spec: FaultSpec
    hits: int = 0

    @property
    def spent(self) -> bool:
        """Whether it struck as often as it was ordered to."""
        return self.spec.times is not None and self.hits >= self.spec.times

    def matches(self, point: Point) -> bool:
        """Whether it is meant for this place."""
        spec = self.spec
        return (
            spec.provider == point.provider
            and spec.call in {"*", point.call}
            and (spec.instance is None or spec.instance == point.instance)
            and (spec.where is None or _within(spec.where, point.body))
        )

    def row(self) -> dict[str, Any]:
        """Describe it for the control door."""
        spec = self.spec.model_dump(exclude_none=True, exclude={"times"})
        left = None if self.spec.times is None else max(0, self.spec.times - self.hits)
        return {"id": self.id, **spec, "times": self.spec.times, "left": left, "hits": self.hits}


@dataclass(slots=True)
class FaultBook:
    """All faults of one sandbox, oldest first."""

    _faults: list[Fault] = field(default_factory=list)
    _next_id: int = 1

    def __bool__(self) -> bool:
        return bool(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, spec: FaultSpec) -> Fault:
        """Arm a fault."""
        fault = Fault(self._next_id, spec)
        self._next_id += 1
        self._faults.append(fault)
        return fault

    def take(self, point: Point, among: frozenset[str]) -> FaultSpec | None:
        """Return the oldest fault of the kinds `among` that strikes here, and count it."""
        for fault in self._faults:
            if fault.spec.fault in among and not fault.spent and fault.matches(point):
                fault.hits += 1
                return fault.spec
        return None

    def remove(self, fault_id: int) -> bool:
        """Disarm one fault; false when there is none with this id."""
        kept = [fault for fault in self._faults if fault.id != fault_id]
        found = len(kept) < len(self._faults)
        self._faults[:] = kept
        return found

    def clear(self) -> None:
        """Disarm everything."""
        self._faults.clear()


def _within(where: Where, body: bytes) -> bool:
    if where.contains is not None:
        escaped = json.dumps(where.contains)[1:-1].encode()
        if where.contains.encode() not in body and escaped not in body:
            return False
    return where.number is None or where.number.encode() in body
