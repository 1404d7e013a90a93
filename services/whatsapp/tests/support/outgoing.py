"""What the suites of sending share: contents of every kind, files, wishes, and what was done."""

from typing import Any

from common.contracts import (
    ChatId,
    CommandId,
    ContactCard,
    ContactsMessage,
    Content,
    File,
    Location,
    LocationMessage,
    MediaMessage,
    ReactionMessage,
    Text,
)
from common.storage import ObjectStore
from whatsapp_service.domain.model import SendingSettings
from whatsapp_service.domain.usecases.pacing import keep_wishes

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
OGG = b"OggS" + bytes(60)
PDF = b"%PDF-1.7\n" + bytes(40)
MP4 = bytes(4) + b"ftypmp42" + bytes(40)
FILES = {"image": PNG, "document": PDF, "voice": OGG, "video": MP4, "audio": b"ID3" + bytes(40)}


async def put_file(stage: Any, number: Any, content: bytes, name: str = "f" * 64) -> str:
    """Keep a file of the number's tenant; gives its reference."""
    reference = f"media/{number.tenant}/{name}"
    await ObjectStore(stage.settings.object_store_url).put(reference, content)
    return reference


async def media(stage: Any, number: Any, kind: Any, **more: Any) -> MediaMessage:
    """A message with a file that is kept."""
    reference = await put_file(stage, number, FILES[kind], name=f"{kind}0")
    name = {"document": "price list.pdf"}.get(kind)
    return MediaMessage(kind=kind, file=File(reference=reference, name=name), **more)


async def one_of_each(stage: Any, number: Any, heard: str) -> dict[str, Content]:
    """A message of every kind, by the name of the call that sends it."""
    return {
        "sendText": Text(text="words"),
        "sendMedia": await media(stage, number, "image", caption="look"),
        "sendWhatsAppAudio": await media(stage, number, "voice"),
        "sendLocation": LocationMessage(
            location=Location(latitude=-23.55, longitude=-46.63, name="Loja")
        ),
        "sendContact": ContactsMessage(
            contacts=(ContactCard(name="Bia", phones=("+5511977770001",)),)
        ),
        "sendReaction": ReactionMessage(to=heard, emoji="👍"),
    }


def command(stage: Any, number: Any, chat: ChatId, content: Content, **options: Any) -> Any:
    """A command with any content."""
    envelope = stage.command(number, chat, "x", **options)
    event = envelope.event.model_copy(update={"content": content})
    return type(envelope)(envelope.id, envelope.tenant, envelope.time, event, "test")


async def order(
    stage: Any, number: Any, chat: ChatId, *contents: Content, **options: Any
) -> list[CommandId]:
    """Publish commands with these contents; gives their ids."""
    commands = [command(stage, number, chat, content, **options) for content in contents]
    await stage.publish(*commands)
    return [one.event.command_id for one in commands]


async def wish(stage: Any, number: Any, **wishes: Any) -> None:
    """Set how the number's tenant wants to send, as its API would."""
    async with stage.open_context() as context:
        await keep_wishes(context, number.tenant, SendingSettings(**wishes))


async def heard_of(stage: Any, number: Any) -> str:
    """The id of the first message that the number got from Evolution."""
    rows = await stage.rows(
        "select message_id from whatsapp_message where integration_id = :id and not outgoing",
        id=number.id,
    )
    return str(rows[0]["message_id"])


async def write_to(stage: Any, number: Any, phone: str, text: str = "oi") -> ChatId:
    """Let a customer write at Evolution itself, so that it knows the message too."""
    path = f"/evolution/instances/{number.instance}/inbound"
    message = (await stage.control(path, **{"from": phone, "text": text}))["message_id"]
    row = await stage.until_row(
        number,
        "select chat_id from whatsapp_message where integration_id = :id and message_id = :m",
        m=message,
    )
    return ChatId(row["chat_id"])


async def acts(stage: Any, number: Any) -> list[dict[str, Any]]:
    """What was edited, deleted and read at Evolution."""
    path = f"/_sandbox/evolution/acts?instance={number.instance}"
    rows: list[dict[str, Any]] = (await stage.sandbox.get(path)).json()
    return rows
