"""A service's database as production has it: migrated, with its API role."""

from sqlalchemy import text

from common.db import api_role, create_engine, migrate, transaction


async def prepare_database(url: str, service: str) -> str:
    """Make the API role and migrate; returns the address as SQLAlchemy wants it."""
    address = url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_engine(address)
    async with transaction(engine) as connection:
        await connection.execute(
            text(f"""
            do $$ begin create role {api_role(service)} nologin;
            exception when duplicate_object or unique_violation then null; end $$""")
        )
    await engine.dispose()
    await migrate(address, f"{service}_service.migrations")
    return address
