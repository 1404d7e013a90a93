"""A service's database as production has it: migrated, with its API role."""

from common.db import Database, Sql, api_role, migrate


async def prepare_database(url: str, service: str) -> str:
    """Make the API role and migrate; returns the address as SQLAlchemy wants it."""
    address = url.replace("postgresql://", "postgresql+asyncpg://")
    database = Database(url)
    await database.execute(
        Sql(f"""
        do $$ begin create role {api_role(service)} nologin;
        exception when duplicate_object or unique_violation then null; end $$""")
    )
    await database.close()
    await migrate(address, f"{service}_service.migrations")
    return address
