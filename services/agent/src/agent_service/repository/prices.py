"""What models cost: a table that operators edit, remembered for half a minute by who pays."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from agent_service.domain.model import Price
from common.db import Database, Executes, Sql

_FRESH_SECONDS = 30.0
_EVERY = Sql("""
    select model, input_micros, cached_micros, output_micros, minute_micros, updated_at
    from model_price
    order by model""")
_SET = Sql("""
    insert into model_price (model, input_micros, cached_micros, output_micros, minute_micros)
    values (:model, :input, :cached, :output, :minute)
    on conflict (model) do update set
        input_micros = excluded.input_micros, cached_micros = excluded.cached_micros,
        output_micros = excluded.output_micros, minute_micros = excluded.minute_micros,
        updated_at = now()""")
_FORGET = Sql("delete from model_price where model = :model returning model")


class PricedModel(NamedTuple):
    """A price and when it was set."""

    price: Price
    updated_at: datetime


class PostgresPrices:
    """The table itself, for operators."""

    def __init__(self, database: Executes) -> None:
        self._database = database

    async def every(self) -> list[PricedModel]:
        """List all prices by model."""
        return [
            PricedModel(_price(row), row["updated_at"])
            for row in await self._database.execute(_EVERY)
        ]

    async def put(self, price: Price) -> None:
        """Set what a model costs."""
        await self._database.execute(
            _SET,
            {
                "model": price.model,
                "input": price.input,
                "cached": price.cached,
                "output": price.output,
                "minute": price.minute,
            },
        )

    async def forget(self, model: str) -> bool:
        """Take a price away; False when there was none."""
        return (await self._database.execute(_FORGET, {"model": model})).first() is not None


class KnownPrices:
    """Prices as a worker knows them: a change is felt within half a minute."""

    def __init__(
        self, database: Database, default: Price, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._default = default
        self._clock = clock
        self._known: dict[str, Price] = {}
        self._read_at: float | None = None

    async def refresh(self) -> None:
        """Read the prices again when they have grown old; never inside a transaction."""
        now = self._clock()
        if self._read_at is None or now - self._read_at > _FRESH_SECONDS:
            self._read_at = now
            rows = await self._database.execute(_EVERY)
            self._known = {row["model"]: _price(row) for row in rows}

    def of(self, model: str) -> Price:
        """Give a model's price, or that of the longest name it begins with, or the default.

        Servers answer with a dated name (`gpt-x-2026-11-01`) where an undated one was asked.
        """
        names = [name for name in self._known if model == name or model.startswith(f"{name}-")]
        return self._known[max(names, key=len)] if names else self._default


def _price(row: Any) -> Price:
    return Price(
        row["model"],
        row["input_micros"],
        row["cached_micros"],
        row["output_micros"],
        row["minute_micros"],
    )
