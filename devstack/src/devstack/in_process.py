"""The last resort without Kafka: `python -m devstack.in_process` is all services in one process.

They share one `InProcessBus`, which the unit tests use too. It keeps nothing: what was accepted
and not yet handled is gone when the process ends, so it shows the journey and proves nothing
about durability.
"""

import asyncio
import sys
from importlib import import_module
from typing import Any

from common.bus import InProcessBus
from common.errors import ParleyError
from common.service import ComponentDied, Service
from common.service.host import host, stop_on_signals
from common.settings import ServiceSettings, load
from common.telemetry import configure, get_logger
from devstack.environment import SERVICES

log = get_logger()


def main() -> int:
    """Run every service's API and worker until a signal; returns the exit code."""
    services: list[Service[Any]] = [
        import_module(f"{service}_service.__main__").SERVICE for service in SERVICES
    ]
    try:
        loaded = [(service, load(service.settings())) for service in services]
    except ParleyError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure("suite", loaded[0][1])
    return asyncio.run(_run(loaded))


async def _run(loaded: list[tuple[Service[Any], ServiceSettings]]) -> int:
    bus = InProcessBus()
    async with stop_on_signals() as stop:
        ends = await asyncio.gather(
            *(_hosted(service, settings, stop, bus) for service, settings in loaded)
        )
    return max(ends)


async def _hosted(
    service: Service[Any], settings: ServiceSettings, stop: asyncio.Event, bus: InProcessBus
) -> int:
    """Run one service; when it ends too soon, the others are told to stop."""
    try:
        await host(service, settings, "all", stop=stop, bus=bus)
    except ComponentDied:
        return 1
    except Exception:  # any way to fail ends the whole suite, and the log gets the whole of it
        log.exception("service.failed", service=service.name)
        return 1
    finally:
        stop.set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
