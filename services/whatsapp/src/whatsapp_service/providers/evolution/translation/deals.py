"""Orders, products, payments and appointments, in the words that a phone shows of them.

They have no kind of their own: an order that a customer sends from a catalogue is a request like
any other, and whoever answers must be able to read it.
"""

from datetime import UTC, datetime
from typing import Any

from common.contracts import MessageKind
from whatsapp_service.providers.evolution.translation.content import Content, Reader, unsupported
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    first_text,
    flag,
    integer,
    mapping,
    text,
)
from whatsapp_service.providers.evolution.translation.words import best_words, target_of

_THOUSANDTHS = 1000
_LAST = 253_402_300_799
"""The end of the year 9999, in seconds."""


def _told(label: str, *lines: str | None) -> Content:
    """Say what it is, and below that what is known of it."""
    return Content(MessageKind.TEXT, "\n".join([f"[{label}]", *(line for line in lines if line)]))


def _money(part: dict[str, Any], amount: str, currency: str) -> str | None:
    """Write an amount given in thousandths."""
    thousandths = integer(part.get(amount))
    if thousandths is None:
        return None
    return f"{thousandths / _THOUSANDTHS:.2f} {text(part.get(currency)) or ''}".strip()


def _read_order(part: dict[str, Any], _: dict[str, Any]) -> Content:
    items = integer(part.get("itemCount"))
    count = f"items: {items}" if items else None
    total = _money(part, "totalAmount1000", "totalCurrencyCode")
    return _told(
        "order",
        text(part.get("orderTitle")),
        text(part.get("message")),
        count,
        f"total: {total}" if total else None,
    )


def _read_product(part: dict[str, Any], _: dict[str, Any]) -> Content:
    product = mapping(part.get("product"))
    shown = mapping(part.get("catalog")) or product
    price = _money(product, "salePriceAmount1000", "currencyCode") or _money(
        product, "priceAmount1000", "currencyCode"
    )
    return _told(
        "product",
        text(shown.get("title")),
        text(shown.get("description")),
        price,
        first_text(product, "url", "retailerId"),
        text(part.get("body")),
        text(part.get("footer")),
    )


def _read_payment_request(part: dict[str, Any], _: dict[str, Any]) -> Content:
    amount = _money(part, "amount1000", "currencyCodeIso4217")
    return _told("payment request", amount, best_words(part))


def _read_payment(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return _told("payment", best_words(part))


def _read_invoice(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return _told("invoice", text(part.get("note")))


def _read_payment_answer(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return Content(MessageKind.SYSTEM, target=target_of(part.get("key")))


def _read_appointment(part: dict[str, Any], _: dict[str, Any]) -> Content:
    place = mapping(part.get("location"))
    return _told(
        "cancelled event" if flag(part.get("isCanceled")) else "event",
        text(part.get("name")),
        _time(part.get("startTime")),
        first_text(place, "name", "address"),
        text(part.get("description")),
        text(part.get("joinLink")),
    )


def _time(value: Any) -> str | None:
    seconds = integer(value)
    if seconds is None or not 0 < seconds <= _LAST:
        return None
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _read_poll_result(part: dict[str, Any], _: dict[str, Any]) -> Content:
    votes = [mapping(vote) for vote in entries(part.get("pollVotes"))]
    lines = [
        f"{name}: {integer(vote.get('optionVoteCount')) or 0}"
        for vote in votes
        if (name := text(vote.get("optionName")))
    ]
    return _told("poll result", text(part.get("name")), *lines)


def _read_answer(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """A written answer to a question in a story or a channel."""
    words = text(part.get("text"))
    if words is None:
        return unsupported("an answer without words")
    return Content(MessageKind.TEXT, words, target=target_of(part.get("key")))


def _read_sealed(part: dict[str, Any], _: dict[str, Any]) -> Content:
    """Something about another message that only phones can open: it is noted, and says nothing."""
    keys = ("targetMessageKey", "eventCreationMessageKey", "responseMessageKey", "key")
    targets = [target for name in keys if (target := target_of(part.get(name)))]
    return Content(MessageKind.SYSTEM, target=targets[0] if targets else None)


def _read_placeholder(_part: dict[str, Any], _: dict[str, Any]) -> Content:
    return unsupported("WhatsApp shows this message on the phone only")


DEALS: dict[str, Reader] = {
    "orderMessage": _read_order,
    "productMessage": _read_product,
    "requestPaymentMessage": _read_payment_request,
    "sendPaymentMessage": _read_payment,
    "invoiceMessage": _read_invoice,
    "declinePaymentRequestMessage": _read_payment_answer,
    "cancelPaymentRequestMessage": _read_payment_answer,
    "eventMessage": _read_appointment,
    "pollResultSnapshotMessage": _read_poll_result,
    "pollResultSnapshotMessageV3": _read_poll_result,
    "questionResponseMessage": _read_answer,
    "statusQuestionAnswerMessage": _read_answer,
    "statusQuotedMessage": _read_answer,
    "encReactionMessage": _read_sealed,
    "encCommentMessage": _read_sealed,
    "encEventResponseMessage": _read_sealed,
    "secretEncryptedMessage": _read_sealed,
    "statusNotificationMessage": _read_sealed,
    "statusStickerInteractionMessage": _read_sealed,
    "placeholderMessage": _read_placeholder,
}
