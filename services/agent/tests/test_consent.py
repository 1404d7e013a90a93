"""Whether a customer said yes: in their own language, plainly, and nothing against it."""

import pytest

from agent_service.domain.model.consent import consented, says_yes


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
