"""How a tenant sends, over HTTP: its wishes, its numbers' health, who wants nothing more."""

from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Request, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from common.contracts import OPT_OUT_WORDS, ChatId, IntegrationId, TenantId
from common.places import TOP, Place
from common.service import PAGED
from whatsapp_service.api.views import Limit, Page, Reader, Writer
from whatsapp_service.domain.model import QuietHours, SendingSettings
from whatsapp_service.domain.model.pacing import RiskLevel
from whatsapp_service.domain.model.sending_rules import (
    LONGEST_WORD,
    OPT_IN_WORDS,
    OPT_OUT_REPLY,
)
from whatsapp_service.domain.ports.pacing import NumberHealth, PaceNow
from whatsapp_service.domain.usecases.pacing import SendingDesk

router = APIRouter()

Word = Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)]
OptOutWord = Annotated[Word, Field(pattern="^[^#]")]
"""What begins with `#` is said to a bot, not to us."""
_DAY_SECONDS = 86_400


class QuietHoursView(BaseModel):
    """When no broadcast may arrive; replies always may."""

    model_config = ConfigDict(extra="forbid")

    start: time
    end: time
    """Before `start` when the night is meant."""
    zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """A name such as America/Sao_Paulo."""

    @model_validator(mode="after")
    def _on_the_clock(self) -> Self:
        if self.start == self.end or self.start.tzinfo or self.end.tzinfo:
            message = "start and end must be two different times of the day, without a zone"
            raise ValueError(message)
        return self


class SendingSettingsView(BaseModel):
    """How a tenant wants to send; what is left out has its default."""

    model_config = ConfigDict(extra="forbid")

    quiet_hours: QuietHoursView | None = None
    daily_budget: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    """Messages a day and number (the day is UTC's), replies and broadcasts together."""
    broadcast_gap_seconds: Annotated[float, Field(ge=0, le=_DAY_SECONDS)] = 3
    """Between two broadcasts of a number, at least; up to half as much is added by chance."""
    warm_up: bool = True
    """Whether a number sends few broadcasts in its first seven days; replies are not counted."""
    typing_ms_per_char: Annotated[int, Field(ge=0, le=500)] = 0
    """Typing shown before a text whose command names none, at most twelve seconds of it."""
    choices: Literal["text", "native"] = "text"
    """Buttons and lists as numbered words, or as WhatsApp's own, which not every phone shows."""
    opt_out_words: Annotated[tuple[OptOutWord, ...], Field(min_length=1, max_length=50)] = (
        OPT_OUT_WORDS
    )
    opt_in_words: Annotated[tuple[Word, ...], Field(max_length=50)] = OPT_IN_WORDS
    opt_out_reply: Annotated[str, Field(max_length=1_000)] = OPT_OUT_REPLY
    """The one message that still is sent; none when empty."""

    @classmethod
    def of(cls, settings: SendingSettings) -> Self:
        """Show what is set."""
        quiet = settings.quiet
        return cls(
            quiet_hours=(
                QuietHoursView(start=quiet.start, end=quiet.end, zone=quiet.zone) if quiet else None
            ),
            daily_budget=settings.daily_budget,
            broadcast_gap_seconds=settings.broadcast_gap.total_seconds(),
            warm_up=settings.warm_up,
            typing_ms_per_char=settings.typing_ms_per_char,
            choices=settings.choices,
            opt_out_words=settings.opt_out_words,
            opt_in_words=settings.opt_in_words,
            opt_out_reply=settings.opt_out_reply,
        )

    def settings(self) -> SendingSettings:
        """Read what shall be set."""
        quiet = self.quiet_hours
        return SendingSettings(
            quiet=QuietHours(quiet.start, quiet.end, quiet.zone) if quiet else None,
            daily_budget=self.daily_budget,
            broadcast_gap=timedelta(seconds=self.broadcast_gap_seconds),
            warm_up=self.warm_up,
            typing_ms_per_char=self.typing_ms_per_char,
            choices=self.choices,
            opt_out_words=self.opt_out_words,
            opt_in_words=self.opt_in_words,
            opt_out_reply=self.opt_out_reply,
        )


class PaceView(BaseModel):
    """How one kind of message stands with its pace."""

    gap_seconds: float
    next_at: AwareDatetime
    """Nothing of this kind is sent before it."""
    budget_today: int | None
    spent_today: int
    chats_waiting: int

    @classmethod
    def of(cls, pace: PaceNow | None) -> Self | None:
        """Show a pace, if there is one."""
        if pace is None:
            return None
        return cls(
            gap_seconds=pace.gap.total_seconds(),
            next_at=pace.next_at,
            budget_today=pace.budget,
            spent_today=pace.spent,
            chats_waiting=pace.waiting,
        )


class HealthView(BaseModel):
    """What sending has taught us about a number."""

    state: str
    risk: float
    """0 to 1: how likely WhatsApp is about to restrict the number."""
    risk_level: RiskLevel
    sent: int
    """Messages of the last hour that are old enough to be judged."""
    pending: int
    """Those of them without any acknowledgement."""
    refused: int
    """Messages of the last hour that WhatsApp refused after it had taken them."""
    first_open_at: AwareDatetime | None
    checked_at: AwareDatetime | None
    replies: PaceView | None
    """Null while nothing slows them."""
    broadcasts: PaceView | None
    """Null before the first."""

    @classmethod
    def of(cls, health: NumberHealth) -> Self:
        """Show a number's health."""
        return cls(
            state=health.state,
            risk=round(health.risk, 3),
            risk_level=RiskLevel.of(health.risk),
            sent=health.signs.sent,
            pending=health.signs.pending,
            refused=health.signs.refused,
            first_open_at=health.first_open_at,
            checked_at=health.checked_at,
            replies=PaceView.of(health.replies),
            broadcasts=PaceView.of(health.broadcasts),
        )


class OptOutView(BaseModel):
    """A customer who wants nothing more."""

    chat_id: str
    integration_id: str
    message_id: str
    word: str
    at: datetime


def _desk(request: Request) -> SendingDesk:
    desk: SendingDesk = request.app.state.sending
    return desk


Desk = Annotated[SendingDesk, Depends(_desk)]


@router.get("/sending/settings")
async def show_sending_settings(caller: Reader, desk: Desk) -> SendingSettingsView:
    """Show how the tenant wants to send."""
    return SendingSettingsView.of(await desk.settings(TenantId(caller.tenant_id)))


@router.put("/sending/settings")
async def change_sending_settings(
    wanted: SendingSettingsView, caller: Writer, desk: Desk
) -> SendingSettingsView:
    """Say how the tenant wants to send; new words are known within half a minute."""
    kept = await desk.change(TenantId(caller.tenant_id), wanted.settings())
    return SendingSettingsView.of(kept)


@router.get("/sending/opt-outs", responses=PAGED)
async def list_opt_outs(
    caller: Reader, desk: Desk, page: Page, limit: Limit = 50
) -> list[OptOutView]:
    """List the customers who want nothing more, the newest first, page by page."""
    after = page.after(TOP)
    found = await desk.opt_outs(TenantId(caller.tenant_id), after=after, limit=limit + 1)
    shown = page.cut(found, limit, lambda one: Place(one.at, one.chat_id))
    return [OptOutView.model_validate(one, from_attributes=True) for one in shown]


@router.delete("/sending/opt-outs/{chat_id}", status_code=status.HTTP_204_NO_CONTENT)
async def lift_opt_out(chat_id: str, caller: Writer, desk: Desk) -> None:
    """Send to a customer again who asked for it by other means than the word."""
    await desk.lift(TenantId(caller.tenant_id), ChatId(chat_id))


@router.get("/integrations/whatsapp/{integration_id}/health")
async def show_health(integration_id: str, caller: Reader, desk: Desk) -> HealthView:
    """Show a number's risk, the signs of it, and the pace that it keeps."""
    found = await desk.health(TenantId(caller.tenant_id), IntegrationId(integration_id))
    return HealthView.of(found)
