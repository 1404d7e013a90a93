"""What texts become on their way out, and the words by which customers opt out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts import (
    Choice,
    ChoicesMessage,
    ContactCard,
    ContactsMessage,
    File,
    Location,
    LocationMessage,
    MediaMessage,
    MessageKind,
    Text,
)
from whatsapp_service.domain.model import KnownWords
from whatsapp_service.domain.model.outgoing import is_told_as, split_text
from whatsapp_service.domain.model.sending_rules import plain_word
from whatsapp_service.providers.evolution.found import is_record_of


def no_space(text: str) -> str:
    return "".join(text.split())


SIGNS = st.sampled_from(["a", "é", " ", "\n", ".", ",", "👩‍👩‍👧", "👍🏽", "🇧🇷", "0️⃣"])


@given(st.lists(SIGNS, min_size=1, max_size=400).map("".join), st.integers(10, 60))
def test_parts_lose_nothing_but_space_and_never_exceed_the_limit(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert no_space("".join(parts)) == no_space(text)
    assert all(len(part) <= limit for part in parts)
    assert len(parts) == 1 or all(part.strip() for part in parts)
    assert split_text(text, limit) == parts


@given(st.integers(1, 40))
def test_a_family_is_not_torn_apart(before: int) -> None:
    text = "a" * before + "👩‍👩‍👧" * 20
    assert all(not part.startswith("‍") and not part.endswith("‍") for part in split_text(text, 48))


def test_a_message_that_is_no_word_is_no_suspicion() -> None:
    words = KnownWords()
    assert words.suspects("Stop.") == "stop"
    assert words.suspects("SAÍR") == "sair"
    assert words.suspects("stop it") is None
    assert words.suspects("#sair") is None, "said to a bot, whose talk it ends"
    assert words.suspects("x" * 10_000) is None
    assert plain_word("ÇÃO!") == "cao"


PICTURE = MediaMessage(kind="image", file=File(url="https://x.example/a.png"), caption="look")
CHOICES = ChoicesMessage(kind="list", title="T", text="When?", choices=(Choice(id="a", title="A"),))
TOLD = [
    (Text(text="a"), MessageKind.TEXT, "a", True),
    (Text(text="a"), MessageKind.TEXT, "b", False),
    (Text(text="look"), MessageKind.IMAGE, "look", False),
    (PICTURE, MessageKind.IMAGE, "look", True),
    (PICTURE, MessageKind.IMAGE, "", False),
    (CHOICES, MessageKind.TEXT, "T\nWhen?", True),
    (CHOICES, MessageKind.TEXT, "T", True),
    (CHOICES, MessageKind.TEXT, "What?", False),
]


@pytest.mark.parametrize(("content", "kind", "words", "same"), TOLD)
def test_kind_and_words_rule_out_what_is_not_ours(
    content: Text | MediaMessage | ChoicesMessage, kind: MessageKind, words: str, same: bool
) -> None:
    assert is_told_as(content, kind, words) is same


def test_a_whole_record_tells_more_than_kind_and_words() -> None:
    here = LocationMessage(location=Location(latitude=1.5, longitude=2.5))
    place = {"degreesLatitude": 1.5, "degreesLongitude": 2.5}
    record = {"messageType": "locationMessage", "message": {"locationMessage": place}}
    assert is_record_of(record, here)
    assert not is_record_of({**record, "source": "ios"}, here)
    elsewhere = {"locationMessage": {**place, "degreesLatitude": 9.0}}
    assert not is_record_of({**record, "message": elsewhere}, here)

    bill = MediaMessage(kind="document", file=File(url="https://x.example/b", name="bill.pdf"))
    named = {"documentMessage": {"fileName": "bill.pdf", "mimetype": "application/pdf"}}
    other = {"documentMessage": {"fileName": "other.pdf", "mimetype": "application/pdf"}}
    assert is_record_of({"messageType": "documentMessage", "message": named}, bill)
    assert not is_record_of({"messageType": "documentMessage", "message": other}, bill)

    bia = ContactsMessage(contacts=(ContactCard(name="Bia", phones=("+5511977770001",)),))
    card = {"contactMessage": {"displayName": "Ana", "vcard": "BEGIN:VCARD\nEND:VCARD"}}
    assert not is_record_of({"messageType": "contactMessage", "message": card}, bia)
