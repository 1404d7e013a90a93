"""The error shapes of Evolution 2.3.7, each built in one place."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sandbox.wire import Json, Reply, json_reply


class Refusal(Exception):
    """An answer that ends a call early."""

    def __init__(self, status: int, payload: object) -> None:
        super().__init__(f"{status}: {payload}")
        self.status = status
        self.payload = payload

    def reply(self) -> Reply:
        """Return the HTTP answer."""
        return json_reply(self.status, self.payload)


def refusal(status: int, message: Any, *, title: str | None = None) -> Refusal:
    """Wrap `message` in the usual envelope."""
    error = title or HTTPStatus(status).phrase
    return Refusal(status, {"status": status, "error": error, "response": {"message": message}})


def unauthorized() -> Refusal:
    """No key, or the wrong one: here the message is a string."""
    return refusal(401, "Unauthorized")


def unknown_instance(name: str) -> Refusal:
    """No instance has this name."""
    return refusal(404, [f'The "{name}" instance does not exist'])


def unknown_route(method: str, path: str) -> Refusal:
    """Nothing listens here."""
    return refusal(404, [f"Cannot {method} {path}"])


def malformed_json(message: str) -> Refusal:
    """The body is not JSON: a 400 that calls itself an internal error."""
    return refusal(400, message, title="Internal Server Error")


def schema_error(problems: list[str]) -> Refusal:
    """The body does not fit the schema: a list in a list."""
    return refusal(400, [problems])


def business_error(message: str) -> Refusal:
    """The body is well formed but refused."""
    return refusal(400, [message])


def not_on_whatsapp(jid: str, number: str) -> Refusal:
    """The number has no WhatsApp account: an object in the list."""
    return refusal(400, [{"jid": jid, "exists": False, "number": number}])


def connection_closed(*, cached: bool) -> Refusal:
    """The socket is closed: two codes for one fault, by whether the number was seen before."""
    if cached:
        return refusal(400, ["Error: Connection Closed"])
    return refusal(500, "Connection Closed")


def timed_out() -> Refusal:
    """Baileys gave up waiting: the message may or may not have gone out."""
    return refusal(400, ["Error: Timed Out"])


def boom_connection_closed() -> Refusal:
    """The unwrapped error of chat/whatsappNumbers when the socket is closed."""
    payload: Json = {
        "data": None,
        "isBoom": True,
        "isServer": False,
        "output": {
            "statusCode": 428,
            "payload": {
                "statusCode": 428,
                "error": "Precondition Required",
                "message": "Connection Closed",
            },
            "headers": {},
        },
    }
    return Refusal(400, payload)


def license_required() -> Refusal:
    """What 2.4 answers on every business route until it is activated."""
    payload = {
        "error": "service not activated",
        "code": "LICENSE_REQUIRED",
        "register_url": "https://license.example/register",
        "instance_id": "00000000-0000-4000-8000-000000000000",
    }
    return Refusal(503, payload)


def graph_error() -> Refusal:
    """What the Cloud API channel passes on, with 201, when Meta refuses a send."""
    payload = {
        "message": "(#131030) Recipient phone number not in allowed list",
        "type": "OAuthException",
        "code": 131030,
        "fbtrace_id": "ASandboxTrace",
    }
    return Refusal(201, payload)


def vague_failure() -> Json:
    """What connect and restart answer, with 200, when they fail."""
    return {"error": True, "message": "[object Object]"}


def plain_error(status: int) -> Json:
    """The envelope for a status that only a fault orders."""
    known = {code.value: code.phrase for code in HTTPStatus}
    title = known.get(status, "Error")
    return {"status": status, "error": title, "response": {"message": title}}
