"""Whether a customer said yes: in their own language, plainly, and nothing against it."""

from datetime import UTC, datetime

import pytest

from agent_service.domain.model import Line, Role
from agent_service.domain.model.consent import consented, replies, says_yes

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yes", "Yes, please!", "ok", "sim", "SIM", "Sim, pode confirmar", "sí", "Si, confirmo",
        "oui", "d'accord", "ja", "Ja gerne", "certo", "tak", "evet", "onayliyorum", "ya", "да",
        "Хорошо", "是的", "好", "はい", "네", "نعم", "כן", "👍", "✅ ok",
        "pode ser", "claro que sim",
    ],
)  # fmt: skip
def test_a_plain_yes_is_heard_in_many_languages(text: str) -> None:
    assert says_yes(text)
    assert consented([text])


@pytest.mark.parametrize(
    "text",
    [
        "", "maybe", "no", "não", "nein", "нет", "не надо", "👎", "yes?", "what does yes mean",
        "is it ok?", "yesterday", "simple", "okapi", "I said nothing",
        "yes but not on Monday", "sim, mas muda para terça", "sí, pero mañana", "yes, wait",
        "yes " + "word " * 20,
    ],
)  # fmt: skip
def test_what_is_no_plain_yes_is_asked_again(text: str) -> None:
    assert not consented([text])


def test_a_yes_counts_among_other_lines_unless_one_of_them_is_against_it() -> None:
    assert consented(["sim", "obrigada!"])
    assert not consented(["sim", "não, espera"])
    assert not consented(["I want to know more"])
    assert not consented([])


@pytest.mark.parametrize(
    "text", ["yes, cancel it", "sim, pode cancelar", "pode cancelar", "sí, cancela", "ok, cancel"]
)
def test_to_cancel_is_a_yes_to_whom_asks_whether_to_cancel_and_to_nobody_else(text: str) -> None:
    assert consented([text], "Posso cancelar o pedido 7?")
    assert not consented([text], "I will order two cakes. Is that right?")
    assert not consented([text, "não"], "Posso cancelar o pedido 7?")
    assert not consented(["cancelar"], "Posso cancelar o pedido 7?")


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        ("C A C:yes", ["yes"]),
        ("C A A C:yes C:please", ["yes", "please"]),
        ("C C:yes A", []),  # written while the question was being written
        ("C C:yes", []),  # the question was never sent
        ("C A C:hm A C:yes", []),  # the yes answers what was said last
        ("C H C:yes", []),
        ("C A H C:yes", []),  # a person spoke
    ],
)
def test_only_what_was_written_right_after_the_question_answers_it(
    lines: str, answers: list[str]
) -> None:
    roles = {"C": Role.CUSTOMER, "A": Role.AGENT, "H": Role.HUMAN}
    history = [
        Line(seq, roles[one[0]], one.partition(":")[2], AT)
        for seq, one in enumerate(lines.split(), start=1)
    ]
    assert replies(history[::-1], after=1, upto=len(history)) == answers
