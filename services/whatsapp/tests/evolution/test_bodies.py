"""What Evolution's schemas would refuse, or read as something else, is never written."""

import pytest
from evolution_server import ANA, Server

from common.contracts import (
    Choice,
    ChoicesMessage,
    ContactCard,
    ContactsMessage,
    File,
    Location,
    LocationMessage,
    MediaMessage,
    MessageId,
    ReactionMessage,
    Text,
)
from whatsapp_service.domain.model import Transport
from whatsapp_service.domain.model.outgoing import Message
from whatsapp_service.domain.ports import LoadedFile, MessageRef
from whatsapp_service.providers.evolution.found import is_record_of

PDF = b"%PDF-1.7"
CHOICES = (Choice(id="1", title="Today"), Choice(id="2", title="Later", description="or never"))
TARGET = MessageRef(ANA, MessageId("3A1"), from_me=False)


@pytest.mark.parametrize(
    "content",
    [
        Text(text="hi", reply_to=MessageId("3A1")),
        LocationMessage(location=Location(latitude=1, longitude=2)),
        ContactsMessage(contacts=(ContactCard(name="Bia", phones=("+5511977770001",)),)),
        ContactsMessage(contacts=tuple(ContactCard(phones=(f"+551197777000{n}",)) for n in "123")),
        ChoicesMessage(kind="buttons", text="When?", choices=CHOICES),
        ChoicesMessage(kind="list", text="When?", choices=CHOICES),
        ChoicesMessage(
            kind="list", title="T", text="When?", footer="F", button="B", choices=CHOICES
        ),
    ],
    ids=lambda content: content.kind,
)
async def test_every_content_is_taken_by_the_schemas(server: Server, content: Message) -> None:
    await server.sends(content)


async def test_a_reaction_and_its_removal_are_taken(server: Server) -> None:
    for emoji in ("👍🏽", "👩‍👩‍👧", "🇧🇷", ""):
        await server.sends(ReactionMessage(to=MessageId("3A1"), emoji=emoji), target=TARGET)


def document(name: str, mimetype: str) -> tuple[MediaMessage, LoadedFile]:
    content = MediaMessage(kind="document", file=File(reference="media/t/x", name=name))
    return content, LoadedFile(mimetype, name, content=PDF)


@pytest.mark.parametrize(
    ("name", "mimetype", "called"),
    [
        ("contract", "application/pdf", "contract.pdf"),
        ("report v1.2", "application/pdf; charset=x", "report v1.2.pdf"),
        ("a.PDF", "application/pdf", "a.PDF"),
        ("no ending", "application/octet-stream", "no ending"),
        ("no ending", "application/x-nobody-knows", "no ending"),
    ],
)
async def test_a_name_without_a_known_ending_gets_one_since_evolution_goes_by_it(
    server: Server, name: str, mimetype: str, called: str
) -> None:
    content, file = document(name, mimetype)

    body = await server.sends(content, file=file)

    assert body["fileName"] == called
    told = {"documentMessage": {"fileName": called}}
    record = {"message": told, "messageType": "documentMessage", "key": {"id": "3EB0"}}
    assert is_record_of(record, content), "it is found again under the name it was given"


@pytest.mark.parametrize(
    ("transport", "title", "words"),
    [(Transport.BAILEYS, "T", "When?"), (Transport.CLOUD_API, "*T*\n\nWhen?", "")],
)
async def test_the_question_above_buttons_is_where_the_channel_shows_it(
    server: Server, transport: Transport, title: str, words: str
) -> None:
    content = ChoicesMessage(kind="buttons", title="T", text="When?", choices=CHOICES)

    body = await server.sends(content, transport=transport)

    assert (body["title"], body["description"]) == (title, words)


async def test_what_was_read_twice_is_marked_once(server: Server) -> None:
    await server.messenger.mark_read("loja", [TARGET, TARGET])
