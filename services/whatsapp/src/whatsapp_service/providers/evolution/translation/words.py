"""Messages made of words: texts, prompts with choices, and what was chosen."""

from typing import Any

import orjson

from common.contracts import MessageId, MessageKind, ReplyTo
from whatsapp_service.providers.evolution.translation.content import Content, Reader, unsupported
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    first_text,
    identifier,
    mapping,
    text,
)

_WORDS = (
    "hydratedTitleText",
    "title",
    "name",
    "groupName",
    "newsletterName",
    "displayName",
    "orderTitle",
    "contentText",
    "hydratedContentText",
    "text",
    "conversation",
    "caption",
    "comment",
    "description",
    "message",
    "body",
    "footerText",
    "hydratedFooterText",
    "footer",
)
"""Where words stand, in the order in which they are read on a phone."""
_HOLDERS = (
    "header",
    "body",
    "product",
    "hydratedHsm",
    "hydratedTemplate",
    "hydratedFourRowTemplate",
    "fourRowTemplate",
    "interactiveMessageTemplate",
    "noteMessage",
    "extendedTextMessage",
    "footer",
)
"""What may hold more of them."""
_DEEPEST = 4
_MOST_OPTIONS = 256


def best_words(part: dict[str, Any]) -> str:
    """Gather the words that a person would see, one line for each."""
    return "\n".join(dict.fromkeys(_lines(part, _DEEPEST)))


def _lines(part: dict[str, Any], depth: int) -> list[str]:
    found = [line for name in _WORDS if (line := text(part.get(name)))]
    for name in _HOLDERS:
        inner = part.get(name)
        if isinstance(inner, dict) and depth:
            found += _lines(inner, depth - 1)
    return found


def read_extended_text(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A text with a link, a quote or a mention; Evolution mostly flattens it."""
    return Content(MessageKind.TEXT, text(part.get("text")) or "")


def read_prompt(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A text with buttons or a list to choose from: a business wrote it, or we did."""
    inner = next((p for name in _HOLDERS if (p := mapping(part.get(name)))), {})
    options = _labels(part) or _labels(inner)
    words = best_words(part)
    if not words:
        return unsupported("a message with choices, and no words")
    return Content(MessageKind.TEXT, words, options=options)


def _labels(part: dict[str, Any]) -> tuple[str, ...]:
    buttons = entries(part.get("buttons")) + entries(part.get("hydratedButtons"))
    buttons += entries(mapping(part.get("nativeFlowMessage")).get("buttons"))
    found = [_label(mapping(button)) for button in buttons[:_MOST_OPTIONS]]
    for section in entries(part.get("sections"))[:_MOST_OPTIONS]:
        rows = entries(mapping(section).get("rows"))[:_MOST_OPTIONS]
        found += [text(mapping(row).get("title")) for row in rows]
    return tuple(label for label in found if label)


def _label(button: dict[str, Any]) -> str | None:
    for name in ("buttonText", "quickReplyButton", "urlButton", "callButton"):
        label = text(mapping(button.get(name)).get("displayText"))
        if label:
            return label
    return first_text(button, "displayText") or first_text(
        _embedded(button.get("buttonParamsJson")), "display_text", "title"
    )


def _embedded(value: Any) -> dict[str, Any]:
    """Read an object that is written as a JSON string."""
    if not isinstance(value, str):
        return {}
    try:
        return mapping(orjson.loads(value))
    except orjson.JSONDecodeError:
        return {}


def read_button_reply(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A button that was pressed, of a message or of a template."""
    choice = identifier(part.get("selectedButtonId")) or identifier(part.get("selectedId"))
    title = text(part.get("selectedDisplayText")) or ""
    return Content(MessageKind.BUTTON_REPLY, title, choice)


def read_list_reply(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A row that was chosen from a list."""
    choice = identifier(mapping(part.get("singleSelectReply")).get("selectedRowId"))
    return Content(MessageKind.LIST_REPLY, first_text(part, "title", "description") or "", choice)


_LIST_FLOWS = ("select", "list", "menu")


def read_flow_reply(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A choice in a native flow; the id is inside a JSON string (observed on 2.3.7)."""
    flow = mapping(part.get("nativeFlowResponseMessage"))
    chosen = _embedded(flow.get("paramsJson"))
    name = text(flow.get("name")) or ""
    kind = (
        MessageKind.LIST_REPLY
        if any(word in name for word in _LIST_FLOWS)
        else MessageKind.BUTTON_REPLY
    )
    title = text(mapping(part.get("body")).get("text"))
    title = title or first_text(chosen, "display_text", "title", "description")
    choice = next(
        (found for n in ("id", "selectedId", "selected_row_id") if (found := _id(chosen, n))), None
    )
    return Content(kind, title or "", choice)


def _id(source: dict[str, Any], name: str) -> str | None:
    return identifier(source.get(name))


def read_poll(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A poll: its question, and what can be voted for."""
    options = tuple(
        label
        for option in entries(part.get("options"))[:_MOST_OPTIONS]
        if (label := text(option) or first_text(mapping(option), "optionName", "name"))
    )
    return Content(MessageKind.POLL, text(part.get("name")) or "", options=options)


def read_vote(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A vote; no text when the voter took it back.

    WhatsApp encrypts votes. Evolution 2.3.7 decrypts those on polls that it knows and puts the
    names into `selectedOptions`; otherwise only the cipher text is here.
    """
    target = target_of(part.get("pollCreationMessageKey"))
    vote = mapping(part.get("vote"))
    if not isinstance(vote.get("selectedOptions"), list):
        return Content(MessageKind.UNSUPPORTED, target=target, unsupported="the vote is encrypted")
    chosen = [
        text(option) or first_text(mapping(option), "optionName", "name")
        for option in vote["selectedOptions"][:_MOST_OPTIONS]
    ]
    names = tuple(name for name in chosen if name)
    if chosen and not names:
        return Content(
            MessageKind.UNSUPPORTED, target=target, unsupported="the vote is a list of hashes"
        )
    return Content(MessageKind.POLL_VOTE, ", ".join(names), options=names, target=target)


def read_reaction(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """An emoji on another message; no text when it was taken back."""
    target = target_of(part.get("key"))
    if target is None:
        return unsupported(
            "the reaction does not say to which message", text(part.get("text")) or ""
        )
    return Content(MessageKind.REACTION, text(part.get("text")) or "", target=target)


def target_of(key: Any) -> ReplyTo | None:
    """Name the message that another one is about."""
    found = identifier(mapping(key).get("id"))
    return None if found is None else ReplyTo(message_id=MessageId(found))


def read_notice(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """Something that WhatsApp notes between the messages, with the words it has."""
    return Content(MessageKind.SYSTEM, best_words(part))


WORDS: dict[str, Reader] = {
    "extendedTextMessage": read_extended_text,
    "buttonsMessage": read_prompt,
    "buttonMessage": read_prompt,
    "listMessage": read_prompt,
    "templateMessage": read_prompt,
    "highlyStructuredMessage": read_prompt,
    "interactiveMessage": read_prompt,
    "buttonsResponseMessage": read_button_reply,
    "templateButtonReplyMessage": read_button_reply,
    "listResponseMessage": read_list_reply,
    "interactiveResponseMessage": read_flow_reply,
    "pollCreationMessage": read_poll,
    "pollCreationMessageV2": read_poll,
    "pollCreationMessageV3": read_poll,
    "pollCreationMessageV4": read_poll,
    "pollCreationMessageV5": read_poll,
    "pollUpdateMessage": read_vote,
    "reactionMessage": read_reaction,
    "bcallMessage": read_notice,
    "call": read_notice,
    "callLogMesssage": read_notice,
    "groupInviteMessage": read_notice,
    "keepInChatMessage": read_notice,
    "newsletterAdminInviteMessage": read_notice,
    "newsletterFollowerInviteMessageV2": read_notice,
    "pinInChatMessage": read_notice,
    "requestPhoneNumberMessage": read_notice,
    "scheduledCallCreationMessage": read_notice,
    "scheduledCallEditMessage": read_notice,
}
"""By type; `callLogMesssage` is WhatsApp's spelling."""
