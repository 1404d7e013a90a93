"""The command line that every service has: api, worker, all, migrate, and its own verbs."""

import argparse
import asyncio
import inspect
import sys
from collections.abc import Sequence
from typing import Any

from common.errors import InvalidInput, ParleyError
from common.service.definition import Command, Service

_PROCESSES = {
    "api": "serve HTTP",
    "worker": "consume Kafka, run lanes, relay the outbox",
    "all": "api and worker in one process, for small installs",
}
_USAGE = 2
_INTERRUPTED = 130


def main(service: Service[Any], argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 well, 1 failed, 2 wrong use or settings."""
    arguments = _parser(service).parse_args(argv)
    try:
        return _run(service, arguments)
    except InvalidInput as error:
        return _say(error, _USAGE)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        known = _known(error, service)
        if known is None:
            raise
        return _say(known, 1)


def _parser(service: Service[Any]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {service.name}_service",
        description=f"Parley's {service.name} service.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, text in _PROCESSES.items():
        verbs.add_parser(name, help=text, description=text)
    if service.migrations is not None:
        text = "bring the database to the newest revision"
        migrate = verbs.add_parser("migrate", help=text, description=text)
        migrate.add_argument("--revision", default="head", help="another revision, or `base`")
    for command in service.commands:
        own = verbs.add_parser(command.name, help=command.help, description=command.help)
        own.set_defaults(command=command, service=service)
        if command.configure is not None:
            command.configure(own)
    return parser


def _run(service: Service[Any], arguments: argparse.Namespace) -> int:
    if arguments.verb in _PROCESSES:
        # Imported here, like all that is heavy: `--help` must answer at once.
        from common.service.host import run_service  # noqa: PLC0415 - see above

        return run_service(service, arguments.verb)
    if arguments.verb == "migrate":
        return _migrate(service, arguments.revision)
    command: Command = arguments.command
    result = command.resolved()(arguments)
    return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


def _migrate(service: Service[Any], revision: str) -> int:
    from common.db import migrate  # noqa: PLC0415 - heavy, and only this verb needs it
    from common.settings import load  # noqa: PLC0415 - as above
    from common.telemetry import configure, get_logger  # noqa: PLC0415 - as above

    settings = load(service.settings())
    configure(service.name, settings)
    if service.migrations is None:
        raise InvalidInput(f"{service.name} has no database.")
    reached = asyncio.run(migrate(settings.sqlalchemy_url, service.migrations, revision=revision))
    get_logger().info("database.migrated", revision=reached)
    return 0


def _known(error: Exception, service: Service[Any]) -> ParleyError | None:
    from common.service.database_troubles import explained  # noqa: PLC0415 - heavy, as above

    return explained(error, service) or (error if isinstance(error, ParleyError) else None)


async def _awaited(result: Any) -> int:
    code: int = await result
    return code


def _say(error: ParleyError, code: int) -> int:
    hint = f"\n{error.hint}" if error.hint else ""
    sys.stderr.write(f"{error}{hint}\n")
    return code
