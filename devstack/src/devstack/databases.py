"""Databases and roles on a server we may administer."""

from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from devstack.errors import StackError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def plain(url: str) -> str:
    """Drop a driver name (`postgresql+asyncpg`) from an address, as asyncpg wants it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql"))


def at(url: str, database: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))


async def create(admin_url: str, name: str, *, template: str = "template0") -> None:
    """Create a database: empty, or a copy of one that nobody is connected to."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await connection.close()


async def drop(admin_url: str, name: str) -> None:
    """Drop a database, ending whoever is still connected to it."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def at_as(url: str, *, database: str, user: str, password: str) -> str:
    """The same server, another database and another user."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(
            netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{server}",
            path=f"/{database}",
        )
    )


async def provision(admin_url: str, roles: Mapping[str, str]) -> None:
    """Give each login role its password, its database of the same name, and its API role.

    `<role>_api` cannot log in; the service switches to it for requests, so that row-level
    security, which a table's owner escapes, applies to them.

    Raises:
        StackError: the server is away, or does not let us.
    """
    try:
        connection = await asyncpg.connect(plain(admin_url))
        try:
            await _provision(connection, roles)
        finally:
            await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StackError(
            f"Postgres at {_server(admin_url)} cannot be used: {error or type(error).__name__}."
            " Check DATABASE_URL, which must be a superuser's; without it a server is started here."
        ) from error


def _server(url: str) -> str:
    """Give host and port of an address, and neither user nor password."""
    return urlsplit(url).netloc.rpartition("@")[2] or "its usual address"


async def _provision(connection: Connection, roles: Mapping[str, str]) -> None:
    databases = await connection.fetch("SELECT datname FROM pg_database")
    existing = {record["datname"] for record in databases}
    for name, password in roles.items():
        await _provision_role(connection, name, password)
        if name not in existing:
            await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
            await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')


async def _provision_role(connection: Connection, name: str, password: str) -> None:
    known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    verb = "ALTER" if known else "CREATE"
    secret = await connection.fetchval("SELECT quote_literal($1)", password)
    await connection.execute(f'{verb} ROLE "{name}" LOGIN PASSWORD {secret}')
    api = f"{name}_api"
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", api):
        await connection.execute(f'CREATE ROLE "{api}" NOLOGIN')
    await connection.execute(f'GRANT "{api}" TO "{name}"')
