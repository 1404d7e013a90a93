"""Run a service's process that dies at one given step, as by SIGKILL; or tell which steps it has.

    python mortal.py agent all

MORTAL_STEPS    a file that every step is written to; steps count from when it is there
MORTAL_DIES_AT  the step at which the process is gone (none: it lives), as `2 after COMMIT;`: when
                that is passed for the second time

A step is the moment after a statement of Postgres, and the moments before and after a request over
HTTP or to Kafka. The libraries below our code are looked at, not our code: what dies is exactly
what runs in production.
"""

import os
import re
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiokafka.client
import asyncpg
import httpx2

_STATEMENTS = ("fetch", "fetchrow", "fetchval", "execute", "copy_records_to_table")
_REQUESTS = {"ProduceRequest", "OffsetCommitRequest"}
_LONGEST = 90
_SPACE = re.compile(r"\s+")

Looked = Callable[..., Awaitable[Any]]


class Watch:
    """Writes down every step, and ends the process at the one that was ordered."""

    def __init__(self, steps: Path, dies_at: str) -> None:
        self._steps = steps
        self._dies_at = dies_at
        self._passed: Counter[str] = Counter()

    def passes(self, step: str) -> None:
        if not self._steps.exists():
            return
        self._passed[step] += 1
        numbered = f"{self._passed[step]} {step}"
        with self._steps.open("a") as told:
            print(numbered, file=told)
        if numbered == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def look_at_postgres(self) -> None:
        for name in _STATEMENTS:
            setattr(asyncpg.Connection, name, self._after(getattr(asyncpg.Connection, name)))

    def _after(self, does: Looked) -> Looked:
        async def looked(connection: Any, what: str, *args: Any, **options: Any) -> Any:
            result = await does(connection, what, *args, **options)
            self.passes(f"after {_SPACE.sub(' ', what).strip()[:_LONGEST]}")
            return result

        looked.__name__ = looked.__qualname__ = does.__name__
        return looked

    def look_at_http(self) -> None:
        does = httpx2.AsyncClient.send

        async def send(client: Any, request: httpx2.Request, **options: Any) -> httpx2.Response:
            step = f"{request.method} {request.url.path}"
            self.passes(f"before {step}")
            response = await does(client, request, **options)
            self.passes(f"after {step}")
            return response

        setattr(httpx2.AsyncClient, "send", send)  # noqa: B010 - as of the libraries above

    def look_at_kafka(self) -> None:
        does = aiokafka.client.AIOKafkaClient.send

        async def send(client: Any, node: int, request: Any, **options: Any) -> Any:
            name = type(request).__name__.partition("_")[0]
            told = name in _REQUESTS
            if told:
                self.passes(f"before {name}")
            result = await does(client, node, request, **options)
            if told:
                self.passes(f"after {name}")
            return result

        aiokafka.client.AIOKafkaClient.send = send


def main() -> None:
    watch = Watch(Path(os.environ["MORTAL_STEPS"]), os.environ.get("MORTAL_DIES_AT", ""))
    watch.look_at_postgres()
    watch.look_at_http()
    watch.look_at_kafka()
    service, *verb = sys.argv[1:]
    sys.argv = [f"{service}_service", *verb]
    runpy.run_module(f"{service}_service", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
