#!/usr/bin/env python3
"""Makes the keys and passwords that docker-compose.yml asks for, as lines for `.env`.

Run it once: `.venv/bin/python deploy/compose_env.py > .env`. Every run makes other keys.
"""

import json
import sys
from secrets import token_urlsafe

from common.auth import generate_internal_key, generate_keyring
from common.contracts import SERVICES


def main() -> int:
    """Print one line per variable."""
    internal = {service: generate_internal_key() for service in SERVICES}
    public = {service: key for service, (_, key) in internal.items()}
    values = {
        "POSTGRES_PASSWORD": token_urlsafe(24),
        "CAPABILITY_KEYRING": generate_keyring(),
        "INTERNAL_TRUSTED_KEYS": f"'{json.dumps(public, separators=(',', ':'))}'",
        "EVOLUTION_API_KEY": token_urlsafe(24),
        "OPENAI_API_KEY": f"sk-{token_urlsafe(24)}",
        "GATEWAY_WEBHOOK_SECRET": token_urlsafe(24),
        "GATEWAY_OPERATOR_KEY": token_urlsafe(32),
    }
    for service in SERVICES:
        values |= {
            f"{service.upper()}_DB_PASSWORD": token_urlsafe(24),
            f"{service.upper()}_KEYRING": generate_keyring(),
            f"{service.upper()}_INTERNAL_KEY": internal[service][0],
        }
    sys.stdout.writelines(f"{name}={value}\n" for name, value in values.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
