"""Whether a customer said yes: by words, because a model can be talked into hearing one.

Only a short, plain answer counts; what is neither yes nor no is asked again.
"""

import re
import unicodedata
from collections.abc import Sequence

from agent_service.domain.model.conversations import Line, Role


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.casefold())
    latin = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    # Turkish tells two letters apart that its writers on phones do not.
    return unicodedata.normalize("NFC", latin).replace("\u0131", "i")


_YES = frozenset(
    map(
        _plain,
        """
    yes yep yeah sure ok okay confirm confirmed agreed correct absolutely definitely please
    sim confirmo confirmado pode claro isso certo beleza perfeito combinado fechado aceito
    sí si confirmar vale dale correcto perfecto acepto
    oui ouais d'accord confirme volontiers parfait
    ja jawohl genau gerne klar einverstanden bestätige
    certo confermo perfetto va
    tak zgoda potwierdzam evet tamam onayliyorum ya iya setuju
    да хорошо подтверждаю согласен согласна ок так
    是 是的 好 好的 可以 确认 同意 はい です 네 예 좋아요 نعم موافق أكيد כן בסדר
    👍 ✅ 👌 🆗
    """.split(),  # noqa: SIM905 - a word list is read best as words
    )
)
_NO = frozenset(
    map(
        _plain,
        """
    no nope not dont don't cancel stop never wait não n cancela cancelar cancele espera espere
    jamais non annule nein nicht abbrechen niet nee annulla nie anuluj hayir iptal tidak jangan
    нет не отмена 不 不要 取消 いいえ 아니요 لا לא 👎 ❌ but mas pero mais aber
    """.split(),  # noqa: SIM905 - as above
    )
)
_CALLS_OFF = re.compile(r"\b(?:cancel|annul|anul|storn|absag|stop)")
"""What is a no, except to the question whether something is to be called off."""
_WORD = re.compile(r"[^\W_]+(?:'\w+)?|[👍✅👌🆗👎❌]")
_BEGINNING = 2
"""Words among which the yes must be."""
_LONGEST_YES = 12
"""Words: a longer text may say anything after its yes."""


def says_yes(text: str) -> bool:
    """Tell whether a text is a plain yes, in any of some twenty languages."""
    words = _words(text)
    begins = any(word in _YES for word in words[:_BEGINNING])
    return begins and len(words) <= _LONGEST_YES and "?" not in text


def replies(history: Sequence[Line], *, after: int, upto: int) -> list[str]:
    """Give what the customer wrote right after the agent spoke, once a question was prepared.

    A question that was never sent was asked of nobody, what was written before it does not answer
    it, and what was written after somebody spoke again may answer that instead.
    """
    asked, texts = False, list[str]()
    for line in sorted(history, key=lambda line: line.seq):
        if not after < line.seq <= upto:
            continue
        if line.role is Role.CUSTOMER:
            texts += [line.text] if asked else []
        elif texts or line.role is Role.HUMAN:
            return []
        else:
            asked = True
    return texts


def question(history: Sequence[Line], *, after: int, upto: int) -> str:
    """Give what the agent said once a question was prepared, as far as it is in view."""
    ours = (x for x in history if x.role is Role.AGENT and after < x.seq <= upto)
    return "\n".join(line.text for line in ours)


def consented(texts: Sequence[str], asked: str = "") -> bool:
    """Tell whether somebody said yes in what they wrote, and nothing against it.

    Who is asked whether to cancel something may say "yes, cancel it".
    """
    words = [word for text in texts for word in _words(text)]
    if any(_CALLS_OFF.match(word) for word in _words(asked)):
        words = [word for word in words if not _CALLS_OFF.match(word)]
    return _NO.isdisjoint(words) and any(says_yes(text) for text in texts)


def _words(text: str) -> list[str]:
    return [_plain(word) for word in _WORD.findall(text)]
