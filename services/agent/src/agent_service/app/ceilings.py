"""`ceilings show | set | lift`: what a tenant may use at most, as operators see and say it."""

import argparse
from dataclasses import asdict

from agent_service.app.money import micros, usd
from agent_service.domain.model import Limits
from agent_service.repository import PostgresCeilings
from agent_service.settings import Settings
from common.contracts import TenantId
from common.errors import InvalidInput, NotFound
from common.service.columns import as_json, say, table
from common.service.command_database import command_database
from common.settings import load

_UNKNOWN = (
    "Compare its id with `python -m gateway_service tenants list`, or with your identity provider;"
    " add --new if it is right and the tenant is only beginning."
)
_TITLES = ("LIMIT", "TENANT'S OWN", "CEILING")


async def run(arguments: argparse.Namespace) -> int:
    """Do one action.

    Raises:
        InvalidInput: an amount is no sum of money, or nothing is said.
        NotFound: nobody knows the tenant here, or it has no ceiling to lift.
        Unavailable: Postgres is away.
    """
    async with command_database("agent", load(Settings)) as database:
        say(*await _act(PostgresCeilings(database), arguments))
    return 0


async def _act(ceilings: PostgresCeilings, arguments: argparse.Namespace) -> list[str]:
    tenant = TenantId(arguments.tenant)
    match arguments.action:
        case "show":
            found = await ceilings.of(tenant)
            own, most = asdict(found.own), asdict(found.ceiling or Limits())
            if arguments.json:
                return [as_json([{"own": own, "ceiling": most}])]
            return table(_TITLES, [(_title(n), _said(n, own[n]), _said(n, most[n])) for n in own])
        case "set":
            ceiling = _limits(arguments)
            if ceiling == Limits():
                raise InvalidInput("Say what is limited: --usd-per-day, --tokens-per-minute, …")
            if not arguments.new and not await ceilings.knows(tenant):
                raise NotFound(f"{tenant} has no agent and no limits here.", hint=_UNKNOWN)
            await ceilings.put(tenant, ceiling)
            return [f"{tenant} has this ceiling, whatever its own limits say."]
        case _:
            if (await ceilings.of(tenant)).ceiling is None:
                raise NotFound(f"{tenant} has no ceiling.")
            await ceilings.put(tenant, None)
            return [f"{tenant} has no ceiling any more: its own limits hold."]


def _limits(arguments: argparse.Namespace) -> Limits:
    day, month = arguments.usd_per_day, arguments.usd_per_month
    return Limits(
        requests_per_minute=arguments.requests_per_minute,
        tokens_per_minute=arguments.tokens_per_minute,
        micros_per_day=None if day is None else micros(day),
        micros_per_month=None if month is None else micros(month),
        parallel_runs=arguments.parallel_runs,
    )


def _title(name: str) -> str:
    return name.replace("micros", "usd")


def _said(name: str, value: int | None) -> str:
    if value is None:
        return "-"
    return usd(value) if name.startswith("micros") else str(value)
