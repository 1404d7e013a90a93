"""The environment of one service for a test, with throw-away secrets."""

import base64
import os
from typing import Any

from common.auth import generate_internal_key, generate_keyring
from common.contracts import SERVICES

_KEYS = {service: generate_internal_key() for service in SERVICES}
TRUSTED_KEYS = {service: public for service, (_, public) in _KEYS.items()}
CAPABILITY_KEYRING = f"k1:{base64.b64encode(os.urandom(32)).decode()}"


def internal_key(service: str) -> str:
    """Give a service's private key; all services of a test run trust each other's."""
    return _KEYS[service][0]


def base_settings(service: str, *, database: str, kafka: str = "127.0.0.1:1") -> dict[str, Any]:
    """Give what every service's Settings needs, as keyword arguments."""
    return {
        "database_url": database,
        "keyring": generate_keyring(),
        "internal_key": internal_key(service),
        "port": 0,
        "kafka_bootstrap_servers": kafka,
        "internal_trusted_keys": TRUSTED_KEYS,
        "capability_keyring": CAPABILITY_KEYRING,
        "object_store_url": "memory:///",
    }
