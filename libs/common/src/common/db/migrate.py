"""Run a service's migrations, one process at a time."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from common.db.database import REFUSING, DatabaseAway

_LOCK = 7_258_193_001
"""Any constant: replicas that migrate at once queue behind it."""


async def migrate(url: str, package: str, *, revision: str = "head") -> str:
    """Bring the database to a revision under an advisory lock; returns the revision reached.

    Raises:
        DatabaseAway: Postgres does not answer, or does not let us in.
        alembic.util.CommandError: the revision does not exist.
    """
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            reached = await connection.run_sync(_run, package, revision)
            await connection.commit()
            return reached
    except (OSError, *REFUSING) as error:
        raise DatabaseAway.of(error) from error
    finally:
        await engine.dispose()


def _run(connection: Connection, package: str, revision: str) -> str:
    connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    try:
        with as_file(files(package)) as folder:
            config = configuration(str(folder))
            config.attributes["connection"] = connection
            if _current(connection) != _wanted(config, revision):
                if _is_behind(connection, config, revision):
                    command.upgrade(config, revision)
                else:
                    command.downgrade(config, revision)
                connection.commit()
        return _current(connection) or "base"
    finally:
        connection.rollback()
        connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()


def configuration(folder: str) -> Config:
    """Point Alembic at a service's migrations."""
    config = Config()
    config.set_main_option("script_location", folder)
    config.set_main_option("version_path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _wanted(config: Config, revision: str) -> str | None:
    script = ScriptDirectory.from_config(config)
    if revision == "base":
        return None
    return (
        script.get_current_head() if revision == "head" else script.get_revision(revision).revision
    )


def _is_behind(connection: Connection, config: Config, revision: str) -> bool:
    """Tell an upgrade from a downgrade: is the wanted revision ahead of where we stand?"""
    if revision == "base":
        return False
    current = _current(connection)
    if revision == "head" or current is None:
        return True
    script = ScriptDirectory.from_config(config)
    ahead = {step.revision for step in script.iterate_revisions("head", current)}
    return revision in ahead
