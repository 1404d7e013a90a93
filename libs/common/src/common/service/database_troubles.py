"""What Postgres's refusals mean to whoever runs a command: which address, and what to do next."""

from collections.abc import Iterator
from typing import Any

import asyncpg

from common.db import REFUSING, DatabaseAway
from common.errors import NeedsOperator, ParleyError, Unavailable
from common.service.definition import Service
from common.settings import ServiceSettings, environment_name, load

_PORT = 5432


def explained(error: Exception, service: Service[Any]) -> ParleyError | None:
    """Say a failure of the database so that an operator can mend it; None when it is another."""
    for reason in _chain(error):
        match reason:
            case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
                return NeedsOperator(
                    f"The database at {_address(service)} is not migrated: {reason}.",
                    hint=f"Run `python -m {service.name}_service migrate`.",
                )
            case _ if isinstance(reason, (*REFUSING, asyncpg.UndefinedObjectError)):
                return NeedsOperator(
                    f"Postgres at {_address(service)} refuses us: {reason}.",
                    hint=f"Check {_variable(service)}, and the server's databases and roles.",
                )
    if isinstance(error, DatabaseAway):
        return Unavailable(
            f"{error} at {_address(service)}.",
            hint=f"Check that it runs there, and {_variable(service)}.",
        )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _address(service: Service[Any]) -> str:
    """Give host, port and database, and neither user nor password."""
    settings: ServiceSettings = load(service.settings())
    url = settings.database_url.get_secret_value()
    servers = (f"{one['host'] or 'localhost'}:{one['port'] or _PORT}" for one in url.hosts())
    return f"{','.join(servers)}{url.path or ''}"


def _variable(service: Service[Any]) -> str:
    return environment_name(service.settings(), "database_url")
