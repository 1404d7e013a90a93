"""How a tenant wants to send: its pace, its quiet hours, its opt-out words."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from common.contracts import OPT_OUT_WORDS
from whatsapp_service.domain.model.outbound import Priority

OPT_IN_WORDS = ("start", "unstop", "voltar", "iniciar", "alta")
OPT_OUT_REPLY = (
    "Não enviaremos mais mensagens. Para voltar a receber, escreva VOLTAR.\n"
    "No le enviaremos más mensajes. Para volver a recibirlos, escriba ALTA.\n"
    "We will send you no more messages. To get them again, write START."
)
LONGEST_WORD = 40
_MARKS = re.compile(r"[^\w\s]+")
_LONGEST_TYPING = 12_000


def plain_word(text: str) -> str:
    """Write a word as all its spellings are compared: no case, accents, marks or outer space."""
    if len(text) > LONGEST_WORD:
        return ""
    letters = text.casefold()
    if not letters.isascii():
        bare = unicodedata.normalize("NFKD", letters)
        letters = "".join(sign for sign in bare if not unicodedata.combining(sign))
    return " ".join(_MARKS.sub(" ", letters).split())


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When no broadcast may arrive; may pass midnight."""

    start: time
    end: time
    zone: str = "UTC"

    def until(self, now: datetime) -> datetime | None:
        """Say when the quiet that reigns now ends; None when it does not reign."""
        local = now.astimezone(ZoneInfo(self.zone))
        clock = local.time().replace(tzinfo=None)
        if self.start <= self.end:
            reigns = self.start <= clock < self.end
        else:
            reigns = clock >= self.start or clock < self.end
        if not reigns:
            return None
        day = local.date() if clock < self.end else local.date() + timedelta(days=1)
        # Built from the local date, so that a night with a clock change ends by the clock.
        return datetime.combine(day, self.end, tzinfo=local.tzinfo).astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class SendingSettings:
    """How a tenant wants to send."""

    quiet: QuietHours | None = None
    daily_budget: int | None = None
    """Messages a day and number, replies and broadcasts together; None for no limit."""
    broadcast_gap: timedelta = timedelta(seconds=3)
    """Between two broadcasts of a number, and half as much again by chance."""
    warm_up: bool = True
    """Whether a new number sends few broadcasts in its first days."""
    typing_ms_per_char: int = 0
    """Typing shown before a text whose command asks for none; 0 for not at all."""
    choices: Literal["text", "native"] = "text"
    opt_out_words: tuple[str, ...] = OPT_OUT_WORDS
    opt_in_words: tuple[str, ...] = OPT_IN_WORDS
    opt_out_reply: str = OPT_OUT_REPLY
    """The one confirmation; empty for none."""

    def typing_for(self, words: str) -> int:
        """Give the milliseconds that somebody would type this text, within reason."""
        return min(len(words) * self.typing_ms_per_char, _LONGEST_TYPING)

    def quiet_until(self, priority: Priority, now: datetime) -> datetime | None:
        """Say until when a message must wait for the quiet hours to end; replies never do."""
        if self.quiet is None or priority == "reply":
            return None
        return self.quiet.until(now)


@dataclass(slots=True)
class KnownWords:
    """Every tenant's opt-out and opt-in words, so that other messages cost a look-up in memory.

    A word in here is only a suspicion: the tenant's own settings decide.
    """

    words: frozenset[str] = field(default_factory=lambda: frozenset(OPT_OUT_WORDS + OPT_IN_WORDS))

    def suspects(self, text: str) -> str | None:
        """Give the word in its plain spelling when it may mean something.

        What begins with `#` is said to a bot: `#sair` ends a talk with many of them.
        """
        if len(text) > LONGEST_WORD or text.startswith("#"):
            return None
        word = plain_word(text)
        return word if word in self.words else None

    def learn(self, words: frozenset[str]) -> None:
        """Take over what the tenants have set."""
        self.words = words | frozenset(OPT_OUT_WORDS + OPT_IN_WORDS)
