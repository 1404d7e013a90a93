"""What wakes an agent: by the words, not by their spelling."""

import pytest

from agent_service.domain.model.phrases import matches, plain
from agent_service.domain.model.triggers import (
    Trigger,
    TriggerKind,
    TriggerOperator,
    check_trigger,
)


def keyword(operator: TriggerOperator, value: str) -> Trigger:
    return Trigger(TriggerKind.KEYWORD, operator, value)


def advanced(value: str) -> Trigger:
    return Trigger(TriggerKind.ADVANCED, value=value)


def test_all_answers_everything_and_none_answers_nothing() -> None:
    assert Trigger(TriggerKind.ALL).fires("")
    assert not Trigger(TriggerKind.NONE).fires("hello")


@pytest.mark.parametrize(
    ("operator", "value", "text", "fires"),
    [
        (TriggerOperator.EQUALS, "preço", "PRECO!", True),
        (TriggerOperator.EQUALS, "preço", "qual o preço", False),
        (TriggerOperator.CONTAINS, "orçamento", "quero um Orcamento, por favor", True),
        (TriggerOperator.CONTAINS, "preço", "quais os preços?", True),
        (TriggerOperator.CONTAINS, "preço", "que apreço!", True),
        (TriggerOperator.CONTAINS, "preço", "prec o", False),
        (TriggerOperator.STARTS_WITH, "oi", "Oi, tudo bem?", True),
        (TriggerOperator.STARTS_WITH, "oi", "oito pessoas", True),
        (TriggerOperator.STARTS_WITH, "oi", "um oi", False),
        (TriggerOperator.ENDS_WITH, "obrigado", "muito obrigado!!", True),
        (TriggerOperator.ENDS_WITH, "gado", "muito obrigado", True),
        (TriggerOperator.ENDS_WITH, "gado", "gado gordo", False),
        (TriggerOperator.PATTERN, "pedido * atrasado", "Pedido 4711 está atrasado", True),
        (TriggerOperator.PATTERN, "pedido * atrasado", "meu pedido está atrasado", False),
        (TriggerOperator.PATTERN, "*pedido*", "meu pedido está atrasado", True),
    ],
)
def test_a_keyword_is_compared_as_people_read(
    operator: TriggerOperator, value: str, text: str, *, fires: bool
) -> None:
    assert keyword(operator, value).fires(text) is fires


@pytest.mark.parametrize(
    ("rules", "text", "fires"),
    [
        ("contains:price,quote", "a quote please", True),
        ("contains:price notcontains:job", "the price of a job", False),
        ("contains:price notcontains:job", "the price of a car", True),
        ("contains:price notcontains:job", "the prices of jobs", False),
        ("startswith:hi,hello endswith:please", "Hello, the list please", True),
        ("startswith:hi endswith:please", "hi there", False),
        ("exact:menu", "Menu", True),
        ("contains:opening hours", "what are your opening hours?", True),
    ],
)
def test_the_rules_of_an_advanced_trigger_must_all_hold(
    rules: str, text: str, *, fires: bool
) -> None:
    assert advanced(rules).fires(text) is fires


@pytest.mark.parametrize(
    "trigger",
    [
        keyword(TriggerOperator.CONTAINS, " !? "),
        keyword(TriggerOperator.PATTERN, "***"),
        advanced(""),
        advanced("price"),
        advanced("contains: , "),
    ],
)
def test_a_trigger_that_cannot_be_meant_is_refused(trigger: Trigger) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_trigger(trigger)


def test_a_pattern_made_to_hang_a_regular_expression_ends() -> None:
    assert not matches("a*" * 200 + "b", plain("a" * 100_000))
