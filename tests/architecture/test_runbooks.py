"""What the pages tell an operator to type works: every command exists, every statement runs."""

import re
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from common.contracts import SERVICES
from common.db import api_role, migrate

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("services/*/README.md")),
    ROOT / "libs/common/README.md",
]
_COMMAND = re.compile(r"python -m ([\w.]+)((?: [a-z][a-z-]*(?=[\s`\")]|$))*)", re.MULTILINE)
_MAKE = re.compile(r"`make ([a-z-]+)")
_SQL = re.compile(r"```sql\n-- (\w+)\n(.*?)```", re.DOTALL)


def commands() -> set[tuple[str, ...]]:
    found = (match for page in PAGES for match in _COMMAND.finditer(page.read_text("utf-8")))
    return {(match[1], *match[2].split()) for match in found}


def statements(service: str) -> list[tuple[str, str]]:
    return [
        (page.name, statement.strip())
        for page in PAGES
        for owner, block in _SQL.findall(page.read_text("utf-8"))
        if owner == service
        for statement in block.split(";")
        if statement.strip()
    ]


@pytest.mark.parametrize("command", sorted(commands()), ids=" ".join)
def test_a_command_that_a_page_names_exists(command: tuple[str, ...]) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert asked.returncode == 0, asked.stderr
    assert "usage:" in asked.stdout


def test_a_make_verb_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = {verb for page in PAGES for verb in _MAKE.findall(page.read_text("utf-8"))}
    assert verbs
    assert {verb for verb in verbs if f"\n{verb}:" not in makefile} == set()


def test_every_statement_says_whose_database_it_is_for() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        assert text.count("```sql") == len(_SQL.findall(text)), page.name
        assert {owner for owner, _ in _SQL.findall(text)} <= set(SERVICES), page.name


@pytest.mark.integration
async def test_every_statement_runs_on_the_schema_of_today(fresh_database: str) -> None:
    for service in SERVICES:
        if not statements(service):
            continue
        connection = await asyncpg.connect(fresh_database)
        try:
            await connection.execute("drop schema public cascade; create schema public")
            await connection.execute(
                f"do $$ begin create role {api_role(service)} nologin;"
                " exception when duplicate_object or unique_violation then null; end $$"
            )
            url = fresh_database.replace("postgresql://", "postgresql+asyncpg://")
            await migrate(url, f"{service}_service.migrations")
            for page, statement in statements(service):
                transaction = connection.transaction()
                await transaction.start()
                try:
                    await connection.execute(statement)
                except asyncpg.PostgresError as error:
                    pytest.fail(f"{page}: {statement}\n{error}")
                finally:
                    await transaction.rollback()
        finally:
            await connection.close()
