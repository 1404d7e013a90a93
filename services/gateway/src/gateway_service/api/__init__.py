"""The gateway's doors: webhooks, the public API, and who may pass."""

from gateway_service.api import keys, operators
from gateway_service.api.audit import Audited
from gateway_service.api.callers import Doorkeeper
from gateway_service.api.description import describe
from gateway_service.api.front import FrontDoor
from gateway_service.api.gates import Gate, InboundGate, SharedGate
from gateway_service.api.proxy import add_forwards
from gateway_service.api.webhook_docs import document_webhooks
from gateway_service.api.webhooks import WebhookDoor

__all__ = [
    "Audited",
    "Doorkeeper",
    "FrontDoor",
    "Gate",
    "InboundGate",
    "SharedGate",
    "WebhookDoor",
    "add_forwards",
    "describe",
    "document_webhooks",
    "keys",
    "operators",
]
