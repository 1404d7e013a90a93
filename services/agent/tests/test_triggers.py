"""What wakes an agent, and what asks for a person: by the words, not by their spelling."""

import pytest

from agent_service.domain.model.people_wanted import asks_for_person
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
        (TriggerOperator.CONTAINS, "art", "start", False),
        (TriggerOperator.STARTS_WITH, "oi", "Oi, tudo bem?", True),
        (TriggerOperator.STARTS_WITH, "oi", "oito pessoas", False),
        (TriggerOperator.ENDS_WITH, "obrigado", "muito obrigado!!", True),
        (TriggerOperator.ENDS_WITH, "gado", "muito obrigado", False),
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


@pytest.mark.parametrize(
    "text",
    [
        "Quero falar com um atendente",
        "ATENDENTE!!!",
        "não quero falar com robô",
        "can I talk to a real person?",
        "I need to speak with someone",
        "quiero hablar con una persona",
        "Je voudrais parler à un conseiller",
        "Ich möchte mit einem Menschen sprechen",
        "vorrei parlare con un operatore",
        "humano",
    ],
)
def test_who_asks_for_a_person_is_understood(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "qual o telefone do atendente?",
        "the agent sold me a house",
        "I don't want to talk to a human, just tell me the price",
        "recursos humanos tem vaga?",
        "quantas pessoas cabem na mesa?",
        "",
    ],
)
def test_who_mentions_people_does_not_ask_for_one(text: str) -> None:
    assert not asks_for_person(text)


def test_a_business_has_words_of_its_own() -> None:
    assert asks_for_person("Gerência, por favor", ("gerencia*",))
    assert not asks_for_person("a gerência é boa?", ("gerencia",))
