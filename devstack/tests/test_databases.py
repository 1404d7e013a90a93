"""Addresses of databases, and roles that can do what the services rely on and no more."""

import asyncpg
import pytest

from devstack import databases
from devstack.errors import StackError

ADMIN = "postgresql://postgres:pw@127.0.0.1:5432/postgres"


def test_a_driver_name_is_dropped_from_an_address() -> None:
    assert databases.plain("postgresql+asyncpg://u:p@h/d?x=1") == "postgresql://u:p@h/d?x=1"
    assert databases.plain("postgres://u@h/d") == "postgresql://u@h/d"


def test_another_database_on_the_same_server() -> None:
    assert databases.at(ADMIN, "other") == "postgresql://postgres:pw@127.0.0.1:5432/other"


def test_another_user_with_an_awkward_password() -> None:
    address = databases.at_as(ADMIN, database="d", user="u", password="p@/:")
    assert address == "postgresql://u:p%40%2F%3A@127.0.0.1:5432/d"


@pytest.fixture
def two_roles(postgres_url: str) -> dict[str, str]:
    return {"parley_test_one": "one", "parley_test_two": "two"}


@pytest.mark.integration
async def test_a_service_owns_its_database_and_cannot_enter_a_neighbours(
    postgres_url: str, two_roles: dict[str, str]
) -> None:
    await databases.provision(postgres_url, two_roles)
    await databases.provision(postgres_url, two_roles)  # the second start

    def address(user: str, database: str) -> str:
        password = two_roles[user]
        return databases.at_as(postgres_url, database=database, user=user, password=password)

    connection = await asyncpg.connect(address("parley_test_one", "parley_test_one"))
    try:
        await connection.execute("create table if not exists marks (id int)")
        await connection.execute("set role parley_test_one_api")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("insert into marks values (1)")
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(address("parley_test_two", "parley_test_one"))


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("postgresql://postgres:hunter2@127.0.0.1:1/postgres", r"127\.0\.0\.1:1 "),
        ("postgresql://postgres:hunter2@127.0.0.1:here/postgres", r"127\.0\.0\.1:here "),
        ("nonsense", "its usual address "),
    ],
)
async def test_a_server_that_is_not_there_is_a_sentence(address: str, server: str) -> None:
    with pytest.raises(StackError, match=f"^Postgres at {server}.*Check DATABASE_URL") as told:
        await databases.provision(address, {})

    assert "hunter2" not in str(told.value)


@pytest.mark.integration
async def test_a_server_that_does_not_let_us_in_is_a_sentence(postgres_url: str) -> None:
    stranger = databases.at_as(postgres_url, database="postgres", user="stranger", password="x")

    with pytest.raises(StackError, match=r'role "stranger" does not exist.* Check DATABASE_URL'):
        await databases.provision(stranger, {})
