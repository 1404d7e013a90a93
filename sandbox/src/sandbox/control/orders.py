"""The bodies of the control door's Evolution part."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from sandbox.evolution.acks import STATUSES
from sandbox.evolution.connections import CLOSE_REASONS
from sandbox.evolution.events import BY_DOTTED, EVENTS
from sandbox.evolution.inbound_order import InboundOrder
from sandbox.strict import Strict


class ScanOrder(Strict):
    """Whose phone scanned the code; made up when absent."""

    number: str | None = None
    profile_name: str | None = None


class CloseOrder(Strict):
    """Why the connection ends: a logout by WhatsApp, or a socket that dies unnoticed."""

    reason: int | Literal["connection_closed"] = 401

    @field_validator("reason")
    @classmethod
    def _closing(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value not in CLOSE_REASONS:
            codes = ", ".join(str(code) for code in sorted(CLOSE_REASONS))
            raise ValueError(
                f"{value} closes nothing; valid: {codes}, connection_closed "
                "(408, 428, 500, 503, 515 are transient)"
            )
        return value


class TransientOrder(Strict):
    """A loss that heals after `seconds`."""

    seconds: NonNegativeFloat = 0


class StormOrder(Strict):
    """How often connecting is told."""

    count: PositiveInt = 2000


class BatchOrder(Strict):
    """Many inbound messages; `rate` per second, or all at once."""

    messages: list[InboundOrder] = Field(min_length=1)
    rate: PositiveFloat | None = None


class EditOrder(Strict):
    """A changed text."""

    message_id: str
    text: str


class RevokeOrder(Strict):
    """A message taken back."""

    message_id: str


class AckOrder(Strict):
    """A level that a message reached."""

    key_id: str
    status: str

    @field_validator("status")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in STATUSES:
            raise ValueError(f"no status {value!r}; valid: {', '.join(STATUSES)}")
        return value


class EventOrder(Strict):
    """Any event, with any data; `top` adds fields beside them."""

    event: str
    data: Any = None
    top: dict[str, Any] = Field(default_factory=dict)

    @field_validator("event")
    @classmethod
    def _known(cls, value: str) -> str:
        name = BY_DOTTED.get(value, value)
        if name not in EVENTS:
            raise ValueError(f"no event {value!r}; valid: {', '.join(EVENTS)}")
        return name


class AckStepOrder(Strict):
    """One level and the seconds after the send."""

    status: str
    seconds: NonNegativeFloat = 0

    @field_validator("status")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in STATUSES:
            raise ValueError(f"no status {value!r}; valid: {', '.join(STATUSES)}")
        return value


class AckPlanOrder(Strict):
    """Which levels sends reach by themselves; none when `enabled` is false."""

    enabled: bool = True
    steps: list[AckStepOrder] | None = None
    repeat_after: PositiveFloat | None = None


class NumbersOrder(Strict):
    """Who has WhatsApp, and under which address."""

    missing: list[str] = Field(default_factory=list)
    present: list[str] = Field(default_factory=list)
    known_as: dict[str, str] = Field(default_factory=dict)
