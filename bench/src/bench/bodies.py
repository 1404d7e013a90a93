"""Webhook bodies in the shape that Evolution 2.3.7 sends them."""

from typing import Any

import orjson

_KEYS = {str(n): n for n in range(32)}


def text_body(instance: str, *, phone: str, message_id: str, text: str, at: int) -> dict[str, Any]:
    """Make the body of a plain text message, with the ballast that the real one carries."""
    return {
        "event": "messages.upsert",
        "instance": instance,
        "data": {
            "key": {
                "remoteJid": f"{phone}@s.whatsapp.net",
                "fromMe": False,
                "id": message_id,
                "participant": "",
                "addressingMode": "pn",
            },
            "pushName": "Ana Test",
            "status": "DELIVERY_ACK",
            "message": {
                "conversation": text,
                "messageContextInfo": {
                    "threadId": [],
                    "deviceListMetadata": {
                        "senderKeyIndexes": [],
                        "recipientKeyIndexes": [],
                        "senderKeyHash": {str(n): n for n in range(10)},
                        "senderTimestamp": {"low": at, "high": 0, "unsigned": True},
                    },
                    "deviceListMetadataVersion": 2,
                    "messageSecret": _KEYS,
                },
            },
            "messageType": "conversation",
            "messageTimestamp": at,
            "instanceId": "5d2f4a3e-0000-4000-8000-000000000001",
            "source": "ios",
        },
        "destination": "http://127.0.0.1:9000/api/webhook/evolution",
        "date_time": "2026-11-23T21:46:28.058Z",
        "sender": "5511999990003@s.whatsapp.net",
        "server_url": "http://127.0.0.1:8080",
        "apikey": "bench-token",
    }


def encoded(body: dict[str, Any]) -> bytes:
    """Write a body as it travels."""
    return orjson.dumps(body)
