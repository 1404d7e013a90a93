"""Every kind of message leaves once, as Evolution wants it, and is told of."""

from base64 import b64decode
from typing import Any

import pytest
from outgoing import (
    FILES,
    OGG,
    PDF,
    PNG,
    acts,
    heard_of,
    media,
    one_of_each,
    order,
    put_file,
    wish,
    write_to,
)
from whatsapp_stage import struck, until_sent

from common.contracts import (
    Choice,
    ChoicesMessage,
    DeleteMessage,
    EditMessage,
    File,
    MarkRead,
    MediaMessage,
    MessageDeleted,
    MessageEdited,
    MessageFailed,
    MessageKind,
    MessageSent,
    ReactionMessage,
    Text,
    Typing,
)
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
PHONE = "5511988880001"


async def test_every_kind_is_sent_once_in_order_and_told_with_kind_and_words(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, PHONE)
    contents = await one_of_each(stage, number, await heard_of(stage, number))
    commands = await order(stage, number, chat, *contents.values())

    await until_sent(stage, number, len(contents))
    sent = await stage.until_events(number, MessageSent, len(contents))
    assert [e.command_id for e in sent] == commands
    assert [(e.kind, e.text) for e in sent] == [
        (MessageKind.TEXT, "words"),
        (MessageKind.IMAGE, "look"),
        (MessageKind.VOICE, ""),
        (MessageKind.LOCATION, "Loja"),
        (MessageKind.CONTACT, "Bia"),
        (MessageKind.REACTION, "👍"),
    ]
    rows = await stage.sent(number)
    assert [row["key_id"] for row in rows] == [e.message_id for e in sent]
    bodies = [row["body"] for row in rows]
    assert b64decode(bodies[1]["media"]) == PNG
    assert (bodies[1]["mimetype"], bodies[1]["mediatype"]) == ("image/png", "image")
    assert b64decode(bodies[2]["audio"]) == OGG
    assert (bodies[3]["latitude"], bodies[3]["name"]) == (-23.55, "Loja")
    assert bodies[4]["contact"] == [
        {"fullName": "Bia", "wuid": "5511977770001", "phoneNumber": "+5511977770001"}
    ]
    assert bodies[5]["key"]["id"] == await heard_of(stage, number)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document"])
async def test_a_file_of_the_store_leaves_as_bare_base64(stage: Any, kind: str) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    content = await media(stage, number, kind, reply_to="3AQUOTED")
    await order(stage, number, chat, content)

    await until_sent(stage, number, 1)
    [row] = await stage.sent(number)
    assert b64decode(row["body"]["media"]) == FILES[kind]
    assert row["body"]["quoted"] == {"key": {"id": "3AQUOTED"}}
    if kind == "document":
        assert row["body"]["fileName"] == "price list.pdf"


async def test_an_address_in_the_open_is_left_to_evolution(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    file = File(url="https://files.example/flyer.pdf?x=1")
    await order(stage, number, chat, MediaMessage(kind="document", file=file))

    await until_sent(stage, number, 1)
    [row] = await stage.sent(number)
    assert row["body"]["media"] == file.url
    assert row["body"]["mimetype"] == "application/pdf"


async def test_a_file_that_cannot_be_sent_fails_with_the_reason_and_the_chat_goes_on(
    stage: Any,
) -> None:
    number, other = await stage.number(live=True), await stage.number()
    chat = await stage.chat(number)
    files = {
        "forbidden": ("image", await put_file(stage, other, PNG)),
        "not_found": ("image", f"media/{number.tenant}/none"),
        "unsupported_media_type": ("image", await put_file(stage, number, PDF)),
        "too_large": ("voice", await put_file(stage, number, OGG + bytes(16 << 20), name="big")),
    }
    contents = [MediaMessage(kind=k, file=File(reference=r)) for k, r in files.values()]
    inside = MediaMessage(kind="image", file=File(url="http://169.254.169.254/latest"))
    commands = await order(stage, number, chat, *contents, inside, Text(text="after"))

    assert await until_sent(stage, number, 1) == ["after"]
    failed = await stage.until_events(number, MessageFailed, 5)
    assert [e.command_id for e in failed] == commands[:5]
    assert [e.code for e in failed] == [*files, "invalid_input"]
    assert "at most 16 MiB" in failed[3].reason


CHOICES = ChoicesMessage(
    kind="buttons",
    title="Loja",
    text="When?",
    choices=(Choice(id="a", title="Today"), Choice(id="b", title="Tomorrow", description="10h")),
)
IN_WORDS = "*Loja*\n\nWhen?\n\n1. Today\n2. Tomorrow — 10h"


@pytest.mark.parametrize("kind", ["buttons", "list"])
async def test_choices_are_words_unless_the_tenant_wants_them_shown(stage: Any, kind: str) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    content = CHOICES.model_copy(update={"kind": kind})
    await order(stage, number, chat, content)
    await until_sent(stage, number, 1)
    await wish(stage, number, choices="native")
    await order(stage, number, chat, content)

    assert (await until_sent(stage, number, 2))[0] == IN_WORDS
    [words, shown] = await stage.sent(number)
    assert (words["kind"], shown["kind"]) == ("text", kind)
    sent = await stage.until_events(number, MessageSent, 2)
    assert [e.text for e in sent] == [IN_WORDS, IN_WORDS]


async def test_choices_that_evolution_refuses_go_as_words(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await wish(stage, number, choices="native")
    body = {"status": 400, "response": {"message": ["Buttons are not supported"]}}
    refused = await stage.fault(number, "status", "sendButtons", status=400, body=body)
    many = tuple(Choice(id=str(n), title=f"Choice {n}") for n in range(5))
    await order(stage, number, chat, CHOICES, CHOICES.model_copy(update={"choices": many}))

    texts = await until_sent(stage, number, 2)
    assert await struck(stage, refused)
    assert texts[0] == IN_WORDS
    assert texts[1].endswith("5. Choice 4")
    assert stage.events(number, MessageFailed) == []


async def told_of(stage: Any, number: Any, type_: Any, command: str) -> Any:
    """The one event that answers a command; Evolution may tell of the change by itself too."""

    def answers() -> list[Any]:
        return [e for e in stage.events(number, type_) if e.command_id == command]

    await eventually(answers, what=f"the answer to {command}")
    [answer] = answers()
    return answer


async def test_what_we_sent_is_edited_and_deleted_and_each_is_told_once(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.send(number, chat, "helo", "oops")
    [typo, oops] = await stage.until_events(number, MessageSent, 2)
    edit = EditMessage(message_id=typo.message_id, text="hello")
    [edits, deletes] = await order(
        stage, number, chat, edit, DeleteMessage(message_id=oops.message_id)
    )

    edited = await told_of(stage, number, MessageEdited, edits)
    assert (edited.command_id, edited.text, edited.from_me) == (edits, "hello", True)
    deleted = await told_of(stage, number, MessageDeleted, deletes)
    assert deleted.message_id == oops.message_id
    done = await acts(stage, number)
    assert [(act["act"], act["key_id"], act["text"]) for act in done] == [
        ("edit", typo.message_id, "hello"),
        ("delete", oops.message_id, ""),
    ]
    [row] = await stage.rows(
        "select text, edited_at from whatsapp_message where message_id = :m", m=typo.message_id
    )
    assert (row["text"], row["edited_at"] is not None) == ("hello", True)


async def test_messages_are_marked_as_read_by_phone_and_typing_is_shown(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, PHONE)
    heard = await heard_of(stage, number)
    read = MarkRead(message_ids=(heard, "3AUNKNOWN"))
    await order(stage, number, chat, read, Typing(), typing_ms=1)
    await eventually(lambda: _shown(stage, number), what="typing")

    assert [(act["act"], act["key_id"]) for act in await acts(stage, number)] == [("read", heard)]
    assert await _shown(stage, number) == ["composing"]
    await stage.until_idle(number)
    assert stage.events(number, MessageSent, MessageFailed) == []


async def _shown(stage: Any, number: Any) -> list[str]:
    instances = (await stage.sandbox.get("/_sandbox/evolution/instances")).json()
    [mine] = [row for row in instances if row["name"] == number.instance]
    return [presence["presence"] for presence in mine["presences"]]


@pytest.mark.parametrize(
    "content",
    [
        EditMessage(message_id="3ANONE", text="x"),
        DeleteMessage(message_id="3ANONE"),
        ReactionMessage(to="3ANONE", emoji="👍"),
        MarkRead(message_ids=("3ANONE",)),
    ],
    ids=["edit", "delete", "reaction", "read"],
)
async def test_what_is_about_a_message_nobody_knows_fails(stage: Any, content: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    [command] = await order(stage, number, chat, content)

    [failed] = await stage.until_events(number, MessageFailed)
    assert (failed.command_id, failed.code) == (command, "unknown_message")


async def test_an_act_whose_answer_is_lost_is_done_again(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.send(number, chat, "helo")
    [typo] = await stage.until_events(number, MessageSent)
    dropped = await stage.fault(number, "drop_after", "updateMessage")
    edit = EditMessage(message_id=typo.message_id, text="hello")
    [command] = await order(stage, number, chat, edit)

    await told_of(stage, number, MessageEdited, command)
    assert await struck(stage, dropped)
    assert [act["text"] for act in await acts(stage, number)] == ["hello", "hello"]
