"""python -m agent_service api | worker | all | migrate, and what operators do; see `--help`."""

import argparse
import sys
from typing import Any

from common.arguments import at_least
from common.service import (
    DEAD_LETTERS,
    Command,
    SealedColumn,
    Service,
    lanes_command,
    main,
    reseal_command,
)


def _prices(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verbs.add_parser("list", help="list all prices").add_argument("--json", action="store_true")
    put = verbs.add_parser("set", help="set what a model costs, in US dollars per million tokens")
    put.add_argument("model", help="its name, or the beginning of it up to a dash")
    for name in ("input", "cached", "output"):
        put.add_argument(f"--{name}", required=True, metavar="USD", help=f"{name} tokens")
    put.add_argument(
        "--minute", default="0", metavar="USD", help="a minute of sound, where that is billed"
    )
    verbs.add_parser("forget", help="take a price away").add_argument("model")


def _ceilings(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = verbs.add_parser("show", help="show a tenant's own limits and its ceiling")
    put = verbs.add_parser("set", help="set a tenant's ceiling, whole")
    for name in ("usd-per-day", "usd-per-month"):
        put.add_argument(f"--{name}", metavar="USD")
    for name in ("requests-per-minute", "tokens-per-minute", "parallel-runs"):
        put.add_argument(f"--{name}", metavar="N", type=at_least(1))
    put.add_argument(
        "--new", action="store_true", help="the tenant has no agent yet; its id is right"
    )
    for verb in (show, put, verbs.add_parser("lift", help="take a tenant's ceiling away")):
        verb.add_argument("tenant", help="its id")
    show.add_argument("--json", action="store_true")


_CEILINGS = Command(
    "ceilings", "say what tenants may use at most", "agent_service.app.ceilings:run", _ceilings
)
_PRICES = Command(
    "prices", "list and set what models cost", "agent_service.app.prices:run", _prices
)
SERVICE: Service[Any] = Service(
    "agent",
    "agent_service.settings:Settings",
    "agent_service.app.wiring:build",
    migrations="agent_service.migrations",
    commands=(
        lanes_command("turns", "chores"),
        DEAD_LETTERS,
        reseal_command(
            SealedColumn("agent", "sealed_api_key", "agent.api_key"),
            SealedColumn("http_tool", "sealed_secret", "agent.tool_secret"),
        ),
        _CEILINGS,
        _PRICES,
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
