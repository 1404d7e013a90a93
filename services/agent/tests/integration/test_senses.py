"""Voice notes heard and pictures seen: from the event to the model, over real Kafka."""

import hashlib
from typing import Any

import pytest

from common.bus import Record
from common.contracts import (
    Envelope,
    EventId,
    Media,
    MediaStored,
    MessageId,
    MessageKind,
    TenantId,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import encode_headers

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


async def sends(ana: Any, kind: MessageKind, text: str = "") -> MessageId:
    message: MessageId = await ana.writes(text, kind=kind, media=Media())
    return message


async def stored(stage: Any, ana: Any, message: MessageId, kind: MessageKind, file: Media) -> None:
    event = MediaStored(
        message_id=message, chat_id=ana.chat, integration_id=ana.integration, kind=kind, media=file
    )
    envelope = Envelope(EventId(new_id("evt")), ana.agent.tenant, utc_now(), event, "test")
    body = event.model_dump_json().encode()
    await stage.producer.publish(
        Record(event.topic, event.record_key, body, encode_headers(envelope))
    )


async def keep(stage: Any, tenant: TenantId, content: bytes) -> str:
    reference = f"media/{tenant}/{hashlib.sha256(content).hexdigest()}"
    await stage.files.put(reference, content)
    return reference


async def test_a_voice_note_is_answered_by_what_it_says(stage: Any) -> None:
    ana = await stage.customer()
    message = await sends(ana, MessageKind.VOICE)
    await ana.stored(1)
    reference = await keep(stage, ana.agent.tenant, b"OggS SANDBOX-SPEECH:two tickets, please")
    file = Media(reference=reference, mimetype="audio/ogg; codecs=opus", seconds=3)
    await stored(stage, ana, message, MessageKind.VOICE, file)
    assert await ana.hears() == ["You said: [voice] two tickets, please"]
    assert (await ana.lines())[0] == ("customer", "two tickets, please")
    assert len(await stage.calls(ana.agent)) == 1


async def test_a_picture_is_seen_as_bytes_and_later_only_named(stage: Any) -> None:
    ana = await stage.customer()
    message = await sends(ana, MessageKind.IMAGE, "what is this?")
    await ana.stored(1)
    reference = await keep(stage, ana.agent.tenant, PNG)
    await stored(
        stage, ana, message, MessageKind.IMAGE, Media(reference=reference, mimetype="image/png")
    )
    await ana.hears()
    await ana.writes("and what colour?")
    await ana.hears(2)
    first, second = await stage.heard_by_model(ana.agent)
    [[text, picture]] = first
    assert text == {"type": "input_text", "text": "what is this?"}
    assert picture["image_url"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert second == ["[image] what is this?", "and what colour?"]


async def test_another_tenants_file_is_neither_heard_nor_seen(stage: Any) -> None:
    ana, eve = await stage.customer(), await stage.customer()
    secret = await keep(stage, ana.agent.tenant, b"OggS SANDBOX-SPEECH:the secret")
    for kind, mimetype in ((MessageKind.VOICE, "audio/ogg"), (MessageKind.IMAGE, "image/png")):
        message = await sends(eve, kind)
        await stored(stage, eve, message, kind, Media(reference=secret, mimetype=mimetype))
    answers = await eve.hears()
    assert "the secret" not in str(answers)
    assert "base64" not in str(await stage.calls(eve.agent))
