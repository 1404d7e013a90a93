"""A service small enough to start in a test; its components do what the environment says."""

import asyncio
import os
import sys
from argparse import ArgumentParser
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from common.db import Sql
from common.errors import Unavailable
from common.service import Command, Component, Mode, Parts, Service, create_app, main
from common.service.command_database import command_database
from common.settings import ServiceSettings, load


class Settings(ServiceSettings, env_prefix="TOY_"):
    """Read from TOY_…"""


class Worker:
    """Works, dies, returns early, or will not stop: as it is told."""

    def __init__(self, behaviour: str) -> None:
        self.name = f"worker-{behaviour}"
        self._behaviour = behaviour

    def not_ready(self) -> str | None:
        return "still joining" if self._behaviour == "joining" else None

    def stalled(self) -> str | None:
        return "no poll for 90 s" if self._behaviour == "stalled" else None

    async def run(self, stop: asyncio.Event) -> None:
        if self._behaviour == "dies":
            raise RuntimeError("the disk is full, token=s3cret")
        if self._behaviour == "returns":
            return
        await stop.wait()
        if self._behaviour == "stuck":
            await asyncio.Event().wait()
        print(f"{self.name} drained", flush=True)  # noqa: T201 - the test reads it


@asynccontextmanager
async def build(_settings: Settings, mode: Mode, _bus: Any) -> AsyncGenerator[Parts]:
    if os.environ.get("TOY_BUILD") == "fails":
        raise Unavailable("Postgres is away.", hint="Start it.")
    behaviours = os.environ.get("TOY_WORKERS", "works").split(",")
    components: list[Component] = [Worker(behaviour) for behaviour in behaviours]
    app = create_app("toy", "1.2.3", []) if mode != "worker" else None
    yield Parts(api=app, components=components)


def whom(parser: ArgumentParser) -> None:
    parser.add_argument("name")


def greet(arguments: Any) -> int:
    print(f"hello {arguments.name}")  # noqa: T201 - a command's output
    return 0


async def fail(_arguments: Any) -> int:
    raise Unavailable("Nobody is there.", hint="Try later.")


async def count(_arguments: Any) -> int:
    async with command_database("toy", load(Settings)) as database:
        rows = await database.execute(Sql("select count(*) from toys"))
    print(rows.scalar())  # noqa: T201 - a command's output
    return 0


TOY = Service(
    "toy",
    Settings,
    build,
    migrations="toy.migrations",
    commands=(
        Command("greet", "say hello", greet, whom),
        Command("fail", "fail", fail),
        Command("count", "count the toys", count),
    ),
)

if __name__ == "__main__":
    sys.exit(main(TOY))
