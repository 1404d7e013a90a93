"""python -m gateway_service api | worker | all | migrate | tenants | keys | dead-letters."""

import argparse
import sys
from typing import Any

from common.service import DEAD_LETTERS, Command, Service, main

_ID = "its id, as `tenants list` prints it"


def _tenants(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = verbs.add_parser("create", help="make a tenant and its first API key, shown once")
    create.add_argument("name", help="what people call it")
    create.add_argument("--json", action="store_true", help="print one JSON object")
    listing = verbs.add_parser("list", help="list the tenants")
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    suspend = verbs.add_parser("suspend", help="refuse a tenant's keys and tokens")
    resume = verbs.add_parser("resume", help="let a suspended tenant in again")
    for verb in (suspend, resume):
        verb.add_argument("tenant", help=_ID)


def _keys(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = verbs.add_parser("create", help="make an API key, shown once")
    create.add_argument("tenant", help=_ID)
    create.add_argument("--scopes", required=True, help="such as agents:read,channels:write, or *")
    create.add_argument("--name", required=True, help="what or whom it is for")
    create.add_argument(
        "--expires-days", type=int, metavar="DAYS", help="until when (for ever, unless said)"
    )
    create.add_argument("--json", action="store_true", help="print one JSON object")
    revoke = verbs.add_parser("revoke", help="revoke an API key by its id or by itself")
    revoke.add_argument("key", help="its id, as `keys list` prints it, or pk_…")
    listing = verbs.add_parser("list", help="list a tenant's API keys")
    listing.add_argument("tenant", help=_ID)
    listing.add_argument("--json", action="store_true", help="print a JSON array")


_COMMANDS = "gateway_service.app.commands:run"
SERVICE: Service[Any] = Service(
    "gateway",
    "gateway_service.settings:Settings",
    "gateway_service.app.wiring:build",
    migrations="gateway_service.migrations",
    commands=(
        Command("tenants", "make, list, suspend and resume tenants", _COMMANDS, _tenants),
        Command("keys", "make, revoke and list keys", _COMMANDS, _keys),
        DEAD_LETTERS,
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
