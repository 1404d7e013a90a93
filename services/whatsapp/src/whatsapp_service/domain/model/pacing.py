"""How fast a number may send: by its age, its risk, and what its tenant wants."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from common.contracts import IntegrationId, TenantId
from whatsapp_service.domain.model.sending_rules import SendingSettings

WARM_UP = (20, 40, 80, 160, 320, 640, 1_000)
"""Broadcasts a number may send on each of its first days; replies are not counted among them."""
HALF_LIFE = timedelta(hours=6)
"""How long half of a risk takes to be forgotten."""
_JITTER = 0.5
_TELLING = 5
"""Fewer messages than this say nothing about a number, unless WhatsApp refused some."""
_USUAL = 0.2
"""The share without an acknowledgement that switched-off servers and old phones explain."""
_REPLIES_SLOWED_FROM = 0.3
_REPLY_GAP = timedelta(seconds=6)
_REPLY_BURST = 3


class RiskLevel(StrEnum):
    """A number's risk in one word."""

    LOW = "low"
    RAISED = "raised"
    HIGH = "high"

    @classmethod
    def of(cls, risk: float) -> "RiskLevel":
        """Name a risk."""
        if risk < _REPLIES_SLOWED_FROM:
            return cls.LOW
        return cls.RAISED if risk < 0.6 else cls.HIGH  # noqa: PLR2004 - twice the first step


@dataclass(frozen=True, slots=True)
class Signs:
    """What became of the messages that a number sent lately."""

    sent: int = 0
    pending: int = 0
    """Without any acknowledgement for minutes: WhatsApp may be holding them back."""
    refused: int = 0
    """Acknowledged as an error: WhatsApp refused them after it had taken them."""

    @property
    def risk(self) -> float:
        """From 0 to 1: how likely WhatsApp is about to restrict the number."""
        if self.sent < _TELLING and not self.refused:
            return 0.0
        told = max(self.sent, _TELLING)
        held_back = max(0.0, self.pending / told - _USUAL)
        return min(1.0, held_back + 2 * self.refused / told)


def decayed(risk: float, since: timedelta) -> float:
    """Give what is left of a risk after some time."""
    left: float = risk * 0.5 ** (since / HALF_LIFE)
    return left if left > 0.01 else 0.0  # noqa: PLR2004 - a hundredth slows nobody


@dataclass(frozen=True, slots=True)
class Pace:
    """How jobs under one pace follow each other."""

    gap: timedelta
    jitter: float = _JITTER
    burst: int = 1
    budget: int | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """A number, as far as its pace depends on it."""

    integration_id: IntegrationId
    tenant: TenantId
    settings: SendingSettings
    is_open: bool
    first_open_at: datetime | None
    risk: float
    updated_at: datetime | None
    signs: Signs
    replies_today: int = 0
    broadcasts_today: int = 0

    def risk_at(self, now: datetime) -> float:
        """Give the risk: what is left of the one before, or what the signs say if that is more."""
        before = decayed(self.risk, now - self.updated_at) if self.updated_at else 0.0
        return max(before, self.signs.risk)

    def broadcast_pace(self, risk: float, now: datetime) -> Pace:
        """Give the pace of broadcasts."""
        budgets = [self._left_of_day(self.replies_today), self._warm_up_budget(now)]
        known = [budget for budget in budgets if budget is not None]
        return Pace(
            gap=self.settings.broadcast_gap * (1 + 9 * risk),
            budget=min(known) if known else None,
            not_before=self.settings.quiet_until("broadcast", now),
        )

    def reply_pace(self, risk: float) -> Pace | None:
        """Give the pace of replies; None for none, which is how most numbers answer."""
        budget = self._left_of_day(self.broadcasts_today)
        slowed = risk >= _REPLIES_SLOWED_FROM
        if budget is None and not slowed:
            return None
        gap = _REPLY_GAP * risk if slowed else timedelta(0)
        return Pace(gap=gap, burst=_REPLY_BURST, budget=budget)

    def _left_of_day(self, others: int) -> int | None:
        """Give what the day's budget leaves when the other kind's share is taken off."""
        budget = self.settings.daily_budget
        return None if budget is None else max(0, budget - others)

    def _warm_up_budget(self, now: datetime) -> int | None:
        if not self.settings.warm_up:
            return None
        days = (now - self.first_open_at).days if self.first_open_at else 0
        return WARM_UP[days] if days < len(WARM_UP) else None


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """What a number keeps to until it is looked at again."""

    facts: NumberFacts
    now: datetime
    risk: float
    broadcasts: Pace
    replies: Pace | None


def plan(facts: NumberFacts, now: datetime) -> NumberPlan:
    """Decide how fast a number sends."""
    risk = facts.risk_at(now)
    return NumberPlan(facts, now, risk, facts.broadcast_pace(risk, now), facts.reply_pace(risk))
