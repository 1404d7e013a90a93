"""What we say by ourselves is said in the customer's language, unless the business has its own."""

from typing import Any

import pytest

from agent_service.domain.model import AgentSettings, Conversation, State
from agent_service.domain.model.wordings import Wording, words_for
from common.contracts import AgentId, ChatId, ConversationId, IntegrationId, TenantId

ENGLISH, PORTUGUESE, SPANISH, FRENCH, GERMAN, ITALIAN = (
    "I'm sorry, I can't help with that.",
    "Desculpe, não posso ajudar com isso.",
    "Lo siento, no puedo ayudarle con eso.",
    "Désolé, je ne peux pas vous aider sur ce sujet.",
    "Dabei kann ich leider nicht helfen.",
    "Mi dispiace, non posso aiutarla con questo.",
)


def with_customer(*known_as: str) -> Conversation:
    return Conversation(
        ConversationId("cnv_1"), TenantId("ten_1"), AgentId("agt_1"), IntegrationId("int_1"),
        ChatId("cht_1"), State.BOT, 1, 0, known_as=known_as,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("+5511988887777", PORTUGUESE),
        ("+351911111111", PORTUGUESE),
        ("+244911111111", PORTUGUESE),
        ("+34611111111", SPANISH),
        ("+5491111111111", SPANISH),
        ("+593911111111", SPANISH),
        ("+18091111111", SPANISH),
        ("+12121111111", ENGLISH),
        ("+33612345678", FRENCH),
        ("+4915111111111", GERMAN),
        ("+393331234567", ITALIAN),
        ("+31612345678", ENGLISH),
        ("123456789012345", ENGLISH),
        ("1@g.us", ENGLISH),
    ],
)
def test_without_a_language_of_the_agents_the_country_of_the_phone_decides(
    phone: str, said: str
) -> None:
    assert words_for(Wording.REFUSAL, AgentSettings(), with_customer(phone)) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("Portuguese", PORTUGUESE),
        ("pt-BR", PORTUGUESE),
        ("português do Brasil", PORTUGUESE),
        ("Brazilian", PORTUGUESE),
        ("es", SPANISH),
        ("Español", SPANISH),
        ("Castellano", SPANISH),
        ("English", ENGLISH),
        ("French", FRENCH),
        ("Deutsch", GERMAN),
        ("it-IT", ITALIAN),
        ("Dutch", ENGLISH),
    ],
)
def test_the_language_of_the_agent_comes_before_the_country(language: str, said: str) -> None:
    for phone in ("+5511988887777", "+34611111111", "+12121111111"):
        settings = AgentSettings(language=language)
        assert words_for(Wording.REFUSAL, settings, with_customer(phone)) == said


@pytest.mark.parametrize("what", list(Wording))
def test_every_occasion_has_its_words_and_a_business_may_have_its_own(what: Wording) -> None:
    countries = ("55", "34", "1", "33", "49", "39")
    phones = [f"+{country}911111111" for country in countries]
    said = {words_for(what, AgentSettings(), with_customer(phone)) for phone in phones}
    assert len(said) == 6
    own: dict[str, Any] = {what.value: "Our own words."}
    assert words_for(what, AgentSettings(**own), with_customer(phones[0])) == "Our own words."
