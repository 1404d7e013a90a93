"""Evolution's error answers, which come in five shapes, as errors of ours.

Source: observed on Evolution API 2.3.7. The same fault comes as 400 or 500, its words as a
string, a list, a list of lists or an object in a list; so we flatten, and look for what matters.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from common.errors import (
    Conflict,
    NeedsOperator,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from common.http import ApiResponse
from whatsapp_service.domain.ports.numbers import InstanceGone

_CLOSED = "Connection Closed"
_TIMED_OUT = "Timed Out"
_STUMBLED = ("Prisma", "TypeError: ")
"""Evolution's database or its own code failed, which may be after it has sent the message."""
_NOT_LOADED = re.compile(
    r"Cannot read properties of undefined \(reading '(\w+[mM]essage\w*|audioWhatsapp|sendPresence)'"
)
"""Evolution has the instance in its database and not yet, or no longer, in its memory."""
_NO_DESCRIPTION = "reading 'substring'"
"""The Cloud API channel wants a description in every row of a list."""
_BAD_FILES = (
    "unsupported image",
    "Failed to convert",
    "Invalid media",
    "Failed to get video duration",
    "status code 4",
)
"""What is wrong with a file itself, or with the address that it was to be fetched from."""
_RETRY_CLOSED = timedelta(seconds=5)
_INSTANCE = re.compile(r"instance does not exist|^Instance .* not found")
_ABOUT = " not found"
"""How Evolution says that it does not know a message or a group; others write it in capitals."""
_INTERNAL, _UNAVAILABLE = 500, 503


class NotOnWhatsApp(Refused):
    """The number has no WhatsApp account."""

    code = "not_on_whatsapp"


class ConnectionClosed(Unavailable):
    """The number's connection to WhatsApp is closed; its lanes wait for it."""

    code = "connection_closed"


class NoEvolution(NeedsOperator):
    """Somebody answers at the address, and it is no Evolution API."""

    def __init__(self, words: str) -> None:
        super().__init__(
            f"There is no Evolution API at its address: {words or 'no reason given'}",
            hint="Set WHATSAPP_EVOLUTION_URL to the server's address, and connect again.",
        )


class NameTaken(Conflict):
    """An instance of this name exists already."""

    code = "instance_exists"


def flatten(message: Any) -> Iterator[Any]:
    """Give every string and object inside `response.message`, however deep."""
    if isinstance(message, list):
        for part in message:
            yield from flatten(part)
    elif message is not None:
        yield message


def raise_for(answer: ApiResponse) -> None:
    """Raise what an answer that is no success means; returns when the status says it all."""
    body = answer.json_or_none()
    body = body if isinstance(body, dict) else {}
    if answer.status == _UNAVAILABLE and body.get("code") == "LICENSE_REQUIRED":
        raise NeedsOperator(
            "This Evolution server is not activated.", hint=_activate(body.get("register_url"))
        )
    response = body.get("response")
    told = response.get("message") if isinstance(response, dict) else None
    parts = [*flatten(told), *flatten(body.get("message")), *flatten(_boom(body))]
    words = "; ".join(part for part in parts if isinstance(part, str))[:300]
    if any(isinstance(part, dict) and part.get("exists") is False for part in parts):
        raise NotOnWhatsApp("The number is not on WhatsApp.", hint="Check the number.")
    if _CLOSED in words or _NOT_LOADED.match(words):
        raise ConnectionClosed("The number is not connected.", retry_after=_RETRY_CLOSED)
    if _TIMED_OUT in words or any(sign in words for sign in _STUMBLED):
        raise OutcomeUnknown("WhatsApp did not confirm in time; it may have been sent.")
    if _NO_DESCRIPTION in words:
        raise Refused("Evolution wants a description in every row of a list.")
    if answer.status == _INTERNAL and isinstance(told, list):
        _raise_unprepared(words)
    _raise_by_status(answer.status, words)


def _raise_unprepared(words: str) -> None:
    """Raise what a 500 with a list means: it broke off before anything was sent.

    After a message is out, Evolution answers 400; an error that it did not foresee is a string.
    """
    if any(sign in words for sign in _BAD_FILES):
        raise Refused(f"Evolution cannot send this file: {words}")
    raise Unavailable(f"Evolution failed before it sent anything: {words}")


def _raise_by_status(status: int, words: str) -> None:
    match status:
        case 404 if _INSTANCE.search(words):
            raise InstanceGone(
                f"Evolution does not know this instance: {words}",
                hint="It was deleted at Evolution: connect the number again.",
            )
        case 404 if _ABOUT not in words:
            raise NoEvolution(words)
        case 403 if "already in use" in words:
            raise NameTaken(words)
        case 401 | 403:
            raise NeedsOperator(
                f"Evolution refuses our API key ({status}).",
                hint="Set WHATSAPP_EVOLUTION_API_KEY to the server's AUTHENTICATION_API_KEY.",
            )
        case 400 | 404:
            raise Refused(f"Evolution refused: {words or 'no reason given'}")
        case _:
            return


def _activate(register_url: Any) -> str:
    """Say where a 2.4 server is activated; it names the address itself."""
    where = "in the Evolution manager"
    if isinstance(register_url, str) and register_url.startswith(("https://", "http://")):
        where = f"at {register_url[:200]}"
    return f"Activate its licence {where}; nothing is lost meanwhile."


def _boom(body: dict[str, Any]) -> Any:
    """Give the words of a bare Boom object, as `chat/whatsappNumbers` answers it."""
    output = body.get("output")
    payload = output.get("payload") if isinstance(output, dict) else None
    return payload.get("message") if isinstance(payload, dict) else None


def refuse_unsent(body: Any) -> None:
    """Raise when an answer to a send is a refusal in the dress of a success.

    The Cloud API channel answers a refusal of Meta's with 201 and the Graph error bare. Anything
    else that names no message is no refusal: it may have been sent.
    """
    if isinstance(body, dict) and "key" not in body and {"code", "type"} & body.keys():
        raise Refused(str(body.get("message") or "Meta refused the message."))
