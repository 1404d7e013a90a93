"""`prices list | set | forget`: what models cost, as operators see and say it."""

import argparse

from agent_service.app.money import micros, usd
from agent_service.domain.model import Price
from agent_service.repository import PostgresPrices
from agent_service.settings import Settings
from common.errors import InvalidInput, NotFound
from common.service.columns import as_json, say, table
from common.service.command_database import command_database
from common.settings import load

_TITLES = ("MODEL", "INPUT", "CACHED", "OUTPUT", "MINUTE", "SET ON")


async def run(arguments: argparse.Namespace) -> int:
    """Do one action.

    Raises:
        InvalidInput: an amount is no sum of money.
        NotFound: there is no such price.
        Unavailable: Postgres is away.
    """
    async with command_database("agent", load(Settings)) as database:
        say(*await _act(PostgresPrices(database), arguments))
    return 0


async def _act(prices: PostgresPrices, arguments: argparse.Namespace) -> list[str]:
    match arguments.action:
        case "list":
            found = await prices.every()
            if arguments.json:
                return [as_json([one._asdict() for one in found])]
            rows = [
                (p.model, *map(usd, (p.input, p.cached, p.output, p.minute)), f"{at:%Y-%m-%d}")
                for p, at in found
            ]
            return table(_TITLES, rows) if rows else ["No model has a price: defaults are taken."]
        case "set":
            price = Price(
                _model(arguments.model),
                micros(arguments.input),
                micros(arguments.cached),
                micros(arguments.output),
                micros(arguments.minute),
            )
            await prices.put(price)
            return [f"{price.model} has a price; workers know it within half a minute."]
        case _:
            if not await prices.forget(arguments.model):
                raise NotFound(f"{arguments.model} has no price.")
            return [f"{arguments.model} has no price any more: the default is taken."]


def _model(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise InvalidInput("A price is for a model: give its name, as the model server knows it.")
    return name.strip()
