"""The webhook routes in the OpenAPI document: they stand before the application it describes."""

from typing import Any

from fastapi import FastAPI

from gateway_service.api.front import INBOUND, PUBLIC_ID, SHARED

_ACCEPTED = {
    "description": "Durable: Kafka acknowledged it",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"event_id": {"type": "string"}}}
        }
    },
}
_AWAY = {
    "description": "Kafka is away, or too many large bodies come at once: nothing was accepted, "
    "call again after Retry-After",
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_REFUSED = {
    "description": "Refused: not the provider (401), not JSON or too deep (400), too large (413), "
    "another content type (415)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_SECRET = {
    "name": "X-Webhook-Secret",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "Or Evolution's JWT as `Authorization: Bearer …`",
}


def document_webhooks(app: FastAPI) -> None:
    """Add the routes that `FrontDoor` keeps from the application."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document["paths"].update(
            {
                SHARED: {"post": _operation("One address for all numbers; the body names which.")},
                f"{INBOUND}{{{PUBLIC_ID}}}": {
                    "post": _operation("The address of one integration, sealed.", PUBLIC_ID)
                },
            }
        )
        return document

    # FastAPI's documented way to change the document is to replace this method.
    app.openapi = openapi  # type: ignore[method-assign]  # see above


def _operation(description: str, *placeholders: str) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in placeholders
    ]
    return {
        "summary": "Take a webhook of Evolution API",
        "description": f"{description} With `webhookByEvents`, `/` and an event's name may follow.",
        "tags": ["webhooks"],
        "security": [],
        "parameters": [*named, _SECRET],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "responses": {"200": _ACCEPTED, "503": _AWAY, "default": _REFUSED},
    }
