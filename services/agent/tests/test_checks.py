"""What may never be said: keys, ids, our own instructions, and what the business forbids."""

from dataclasses import replace
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
AT = datetime(2026, 11, 23, tzinfo=UTC)


def an_agent(*phrases: str) -> Agent:
    settings = AgentSettings(instructions=SECRETS, forbidden_phrases=phrases)
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
    agent = an_agent()
    agent = replace(agent, settings=replace(agent.settings, instructions=short))
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
