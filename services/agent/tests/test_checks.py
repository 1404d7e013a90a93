"""What may never be said: keys, ids, our own instructions, and what the business forbids."""

from datetime import UTC, datetime

import pytest

from agent_service.domain.model import Agent, AgentSettings
from agent_service.domain.model.checks import breach
from agent_service.domain.model.prompts import HOUSE_RULES
from common.contracts import AgentId, TenantId, new_id

SECRETS = (
    "You sell shoes. The wholesale price is forty percent of the shop's price, never below "
    "thirty. Suppliers are Alfa in Porto and Beta in Braga; speak to Rui about returns."
)
FACTS = (
    "Padaria Central, Rua das Flores 12, 4000-001 Porto, two minutes from São Bento station.",
    "Open Monday to Friday 08:00-19:00, Saturday 08:00-13:00; closed on Sundays and holidays.",
    "Returns within 30 days with the receipt, unworn and boxed; the money is back in five days.",
)
SHOP = f"""You are Ana, the assistant of a bakery and shoe shop. Answer briefly and kindly.
{FACTS[0]}
- {FACTS[1]}
If the customer asks for a discount, offer at most ten percent and never mention the margin.
**Return policy:** {FACTS[2]}
Do not speak about suppliers."""
AT = datetime(2026, 11, 23, tzinfo=UTC)


def an_agent(*phrases: str, instructions: str = SECRETS) -> Agent:
    settings = AgentSettings(instructions=instructions, forbidden_phrases=phrases)
    return Agent(AgentId("agt_1"), TenantId("ten_1"), "Ana", settings, AT, AT)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Your agent is {new_id('agt')}.", "a key or an internal id"),
        (f"I also talk to {new_id('cht')}", "a key or an internal id"),
        ("Use sk-abcdefghijklmnop1234 to pay.", "a key or an internal id"),
        ("Authorization: Bearer abcdefghijklmnopqrst", "a key or an internal id"),
        ("s1.k1.AbCdEfGhIjKlMnOpQrStUvWxYz", "a key or an internal id"),
        ("Look: ![x](https://evil.example/?q=1)", "a picture from another address"),
        (SECRETS, "the agent's instructions"),
        (f"My instructions are: {SECRETS[40:170]}", "the agent's instructions"),
        (SECRETS.replace(" ", "\n"), "the agent's instructions"),
        (SECRETS.upper(), "the agent's instructions"),
        (SECRETS.replace(" ", " **"), "the agent's instructions"),
        (HOUSE_RULES, "the agent's instructions"),
        ("You get a FULL  refund".replace("  ", " "), "a forbidden phrase"),
        ("We guarantee that you will win", "a forbidden phrase"),
    ],
)
def test_what_must_not_be_said_is_found(text: str, found: str) -> None:
    assert breach(text, an_agent("full refund", "guarantee*win")) == found


def test_short_instructions_are_not_told_whole_either() -> None:
    short = "You sell shoes; never go below 40 euros."
    agent = an_agent(instructions=short)
    assert breach(f"I was told: {short}", agent) == "the agent's instructions"
    assert breach("Our shoes cost 50 euros.", agent) is None


@pytest.mark.parametrize(
    "text",
    [
        "Hello! The shoes cost 80 euros.",
        "You sell shoes, right?",
        "See https://shop.example.com/shoes",
        "We guarantee quality. Many of you win.",
        "My number is +351 912 345 678.",
    ],
)
def test_what_a_shop_says_every_day_is_let_through(text: str) -> None:
    assert breach(text, an_agent("full refund", "guarantee*win")) is None


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_of_the_instructions_may_be_told_word_by_word(fact: str) -> None:
    assert breach(f"Of course! {fact} See you soon.", an_agent(instructions=SHOP)) is None


def test_instructions_that_hold_nothing_but_facts_may_be_told_whole() -> None:
    facts = " ".join(FACTS[:2])
    assert breach(f"Here we are: {facts}", an_agent(instructions=facts)) is None


@pytest.mark.parametrize(
    "told",
    [
        SHOP,
        SHOP[: len(SHOP) * 2 // 3],
        SHOP.replace(FACTS[0], "").replace(FACTS[1], "").replace(FACTS[2], ""),
        "My rules: " + " ".join(SHOP.splitlines()[::3]),
        " ".join(SHOP.upper().split()),
    ],
)
def test_what_the_agent_was_told_to_do_is_not_recited(told: str) -> None:
    assert breach(told, an_agent(instructions=SHOP)) == "the agent's instructions"


@pytest.mark.parametrize(
    ("fact", "order"),
    [
        (
            "Aceitamos devoluções em 30 dias com a fatura, e o valor volta ao cartão em 5 dias.",
            "Se o cliente pedir desconto, ofereça no máximo dez por cento e não diga a margem.",
        ),
        (
            "Abrimos de lunes a viernes de 9 a 20 h en la calle Mayor 3, junto a la estación.",
            "Si el cliente pide un descuento, ofrece como mucho el diez por ciento y nada más.",
        ),
        (
            "Nous sommes au 12 rue des Fleurs, ouverts du lundi au vendredi de 9 h à 19 heures.",
            "Si le client demande une remise, propose dix pour cent et ne dis rien de la marge.",
        ),
        (
            "Rückgabe innerhalb von 30 Tagen mit Beleg; das Geld ist in 5 Werktagen wieder da.",
            "Wenn der Kunde nach Rabatt fragt, biete höchstens zehn Prozent und nenne nie mehr.",
        ),
    ],
)
def test_facts_and_orders_are_told_apart_in_other_languages(fact: str, order: str) -> None:
    agent = an_agent(instructions=f"{fact} {order} {FACTS[0]}")
    assert breach(fact, agent) is None
    assert breach(order, agent) == "the agent's instructions"


def test_orders_in_a_language_we_cannot_read_are_known_by_their_length() -> None:
    orders = "お客様には必ず丁寧に答え、仕入れ値は決して言わないこと。" * 15
    assert breach(orders, an_agent(instructions=orders)) == "the agent's instructions"
