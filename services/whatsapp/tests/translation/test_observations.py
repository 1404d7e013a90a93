"""What the printed lines do not show: chat addresses, echoes, codes, and reasons."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.contracts import IntegrationId, MessageReceived, MessageSent, Sender
from whatsapp_service.domain.model import ChatAddress, Ignored, Observation, Qr, Unknown
from whatsapp_service.providers.evolution import translate

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
SHOP = IntegrationId("int_1")
RUI, RUI_LID = "5521955550002@s.whatsapp.net", "300000000000009@lid"
GROUP = "120363000000000777@g.us"
PHONE, LID = "+5521955550002", "300000000000009"


def message(event: str = "messages.upsert", **key: Any) -> dict[str, Any]:
    data = {
        "key": {"id": "3A1", "remoteJid": RUI, "fromMe": False, **key},
        "pushName": "Rui",
        "message": {"conversation": "oi"},
        "messageTimestamp": 1795470387,
    }
    return {
        "event": event,
        "instance": "padaria",
        "data": data,
        "sender": "5511944440001@s.whatsapp.net",
    }


def seen(body: dict[str, Any]) -> Observation:
    [said] = translate(body, integration=SHOP, now=NOW)
    assert isinstance(said, Observation)
    return said


def chat_of(body: dict[str, Any]) -> ChatAddress:
    chat = seen(body).chat
    assert chat is not None
    return chat


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ({"remoteJidAlt": RUI_LID}, ChatAddress(RUI, PHONE, LID, None, "Rui")),
        (
            {"remoteJid": RUI_LID, "remoteJidAlt": RUI},
            ChatAddress(RUI_LID, PHONE, LID, None, "Rui"),
        ),
        ({"remoteJidAlt": RUI}, ChatAddress(RUI, PHONE, None, None, "Rui")),
        ({"remoteJid": RUI_LID}, ChatAddress(RUI_LID, None, LID, None, "Rui")),
        ({"remoteJid": RUI_LID, "senderPn": RUI}, ChatAddress(RUI_LID, PHONE, LID, None, "Rui")),
        ({"previousRemoteJid": RUI_LID}, ChatAddress(RUI, PHONE, LID, None, "Rui")),
        (
            {"remoteJid": "5521955550002:12@s.whatsapp.net"},
            ChatAddress(RUI, PHONE, None, None, "Rui"),
        ),
        ({"remoteJid": "5521955550002@c.us"}, ChatAddress(RUI, PHONE, None, None, "Rui")),
        ({"remoteJid": GROUP, "participant": RUI}, ChatAddress(GROUP, group=GROUP)),
        (
            {"remoteJid": "+55 (21) 95555-0002"},
            ChatAddress("+55 (21) 95555-0002", PHONE, None, None, "Rui"),
        ),
        ({"remoteJid": "rui@site"}, ChatAddress("rui@site", None, None, None, "Rui")),
        ({"remoteJid": None, "remoteJidAlt": RUI}, ChatAddress(RUI, PHONE, None, None, "Rui")),
        (
            {"remoteJid": "1@broadcast", "participant": RUI_LID},
            ChatAddress(RUI_LID, None, LID, None, "Rui"),
        ),
    ],
)
def test_the_chat_is_answered_at_the_address_it_came_from(
    key: dict[str, Any], address: ChatAddress
) -> None:
    assert chat_of(message(**key)) == address


@pytest.mark.parametrize(
    "address",
    [
        "0@s.whatsapp.net",
        "0@c.us",
        "server@c.us",
        "16505361212@s.whatsapp.net",
        "13135550002@s.whatsapp.net",
        "867051314767696@bot",
    ],
)
def test_whatsapp_itself_and_its_assistant_are_nobody_to_be_answered(address: str) -> None:
    for from_me in (False, True):
        [said] = translate(message(remoteJid=address, fromMe=from_me), integration=SHOP, now=NOW)

        assert isinstance(said, Ignored)
        assert "no customers" in said.reason


def test_a_chat_with_the_owner_writing_is_not_named_after_him() -> None:
    body = message(fromMe=True, senderPn="5511944440001@s.whatsapp.net")
    body["data"]["pushName"] = "Padaria"

    assert chat_of(body) == ChatAddress(RUI, PHONE)


def test_a_phone_with_and_without_the_ninth_digit_is_one_chat() -> None:
    short, long = (
        message(remoteJid="553188880001@s.whatsapp.net"),
        message(remoteJid="5531988880001@s.whatsapp.net"),
    )

    assert chat_of(short).aliases == chat_of(long).aliases
    assert chat_of(short).reply_to == "553188880001@s.whatsapp.net"
    assert seen(short).event.record_key == seen(long).event.record_key


def test_the_event_has_the_id_of_a_new_chat() -> None:
    said = seen(message(remoteJidAlt=RUI_LID))

    assert isinstance(said.event, MessageReceived)
    assert said.event.chat_id == ChatAddress(RUI, PHONE).chat_id(SHOP)
    assert said.event.integration_id == SHOP


def test_a_message_sent_through_the_api_is_an_echo_with_its_chat() -> None:
    said = seen(message("send.message", fromMe=True))

    assert isinstance(said.event, MessageSent)
    assert said.echo
    assert said.chat == ChatAddress(RUI, PHONE)


def test_a_sent_message_is_ours_even_if_the_key_forgets_to_say_so() -> None:
    assert seen(message("send.message")).chat == ChatAddress(RUI, PHONE)


def test_what_the_owner_typed_says_to_whom() -> None:
    cases: list[tuple[dict[str, Any], Sender | None]] = [
        ({"fromMe": True, "remoteJidAlt": RUI_LID}, Sender(phone=PHONE, lid=LID)),
        ({"fromMe": True, "remoteJid": GROUP}, None),
        ({}, None),
    ]
    for key, contact in cases:
        event = seen(message(**key)).event
        assert isinstance(event, MessageReceived)
        assert event.contact == contact


def test_what_the_owner_typed_is_no_echo() -> None:
    assert not seen(message(fromMe=True)).echo


@pytest.mark.parametrize(
    ("key", "participant"),
    [
        ({"participant": RUI_LID, "participantAlt": RUI, "addressingMode": "lid"}, RUI_LID),
        ({"participant": RUI, "participantAlt": RUI_LID, "addressingMode": "pn"}, RUI),
        ({"participant": "5521955550002:12@s.whatsapp.net"}, RUI),
        ({"participant": "552155550002@s.whatsapp.net"}, "552155550002@s.whatsapp.net"),
        ({"participant": "", "participantAlt": RUI}, RUI),
        ({"participant": RUI, "fromMe": True}, None),
        ({"participant": "13135550002@s.whatsapp.net"}, None),
        ({}, None),
    ],
)
def test_who_wrote_in_a_group_is_kept_as_the_group_spells_them(
    key: dict[str, Any], participant: str | None
) -> None:
    assert seen(message(remoteJid=GROUP, **key)).participant == participant


def test_a_chat_of_two_needs_no_participant() -> None:
    assert seen(message(participant=RUI, remoteJidAlt=RUI_LID)).participant is None


def test_a_qr_code_is_beside_the_event_and_its_image_a_data_uri() -> None:
    body = {"event": "qrcode.updated", "data": {"qrcode": {"code": "2@A", "base64": "iVBO"}}}

    assert seen(body).qr == Qr("2@A", "data:image/png;base64,iVBO")


def test_unsupported_content_says_why() -> None:
    body = message()
    body["data"]["message"] = {"hologramMessage": {}}

    assert seen(body).unsupported == "messages of type hologramMessage are not supported"


def test_a_change_without_an_address_has_no_chat() -> None:
    body = {"event": "messages.update", "data": {"keyId": "3EB0", "fromMe": True, "status": "READ"}}

    assert seen(body).chat is None


def test_unheard_of_is_unknown_and_not_ignored() -> None:
    strange: list[Any] = [{"event": "dreams.update"}, {"event": None}, {}, []]
    for body in strange:
        [said] = translate(body, integration=SHOP, now=NOW)
        assert isinstance(said, Unknown)


def test_an_error_report_is_dropped_because_evolutions_global_key_is_in_it() -> None:
    [said] = translate({"event": "error", "api_key": "k"}, integration=SHOP, now=NOW)

    assert isinstance(said, Ignored)


def test_a_long_quote_is_cut() -> None:
    body = message()
    body["data"]["contextInfo"] = {"stanzaId": "3A0", "quotedMessage": {"conversation": "x" * 999}}
    event = seen(body).event

    assert isinstance(event, MessageReceived)
    assert event.reply_to is not None
    assert event.reply_to.text == "x" * 300 + "…"


def test_wrappers_without_end_do_not_hold_us_up() -> None:
    body = message()
    inner: dict[str, Any] = {"conversation": "fundo"}
    for _ in range(500):
        inner = {"ephemeralMessage": {"message": inner}}
    body["data"]["message"] = inner

    assert seen(body).unsupported == "messages of type nested too deeply are not supported"


def test_a_type_that_postgres_cannot_hold_is_kept_as_unsupported_all_the_same() -> None:
    body = message()
    body["data"] |= {"messageType": "odd\x00Message\ud83d", "message": {}}
    assert seen(body).unsupported == "the content of oddMessage is missing"
