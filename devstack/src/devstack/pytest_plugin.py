"""Fixtures that hand tests a real Postgres and a real Kafka, and fail when there is none.

Each server is looked for in the same order: the address in the environment, a container where a
Docker engine answers, a native process of this test session. Nothing is ever skipped: a test that
asks for a server which cannot be had is an error.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from common.testing import prepare_database
from devstack import containers, databases, kafka, kafka_kit, postgres
from devstack.children import Child, launch
from devstack.places import here
from devstack.ports import free_port, free_ports

T = TypeVar("T")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_PLENTY = 4 << 30
"""Bytes: many times what the databases of a whole run take."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The superuser's address of a running server, `postgresql://user@host:port/database`."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield databases.plain(given)
        return
    if containers.engine_answers():
        with containers.postgres() as url:
            yield url
        return
    with _folder("postgres", _quickest_place()) as folder:
        plan = postgres.PostgresPlan(folder / "postgres", folder / "postgres.log", free_port())
        child = launch(postgres.prepare(plan))
        with _stopping(child):
            in_own_loop(postgres.wait_ready(plan, child))
            yield plan.url


@pytest.fixture(scope="session")
def kafka_bootstrap(pytestconfig: pytest.Config) -> Iterator[str]:
    """The `host:port` of a running Apache Kafka broker; topics are not created by themselves."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        in_own_loop(kafka.wait_answers(given))
        yield given
        return
    if containers.engine_answers():
        with containers.kafka() as bootstrap:
            yield bootstrap
        return
    kit = kafka_kit.prepare(here(), _teller(pytestconfig))
    with _folder("kafka", Path(tempfile.gettempdir())) as folder:
        port, controller_port = free_ports(2)
        log = folder / "kafka.log"
        plan = kafka.KafkaPlan(kit, folder / "kafka", log, port, controller_port)
        child = launch(kafka.prepare(plan))
        try:
            in_own_loop(kafka.wait_ready(plan, child))
            yield plan.bootstrap
        finally:
            kafka.stop(plan, child)


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The superuser's address of a new empty database, dropped after the test."""
    with _database(postgres_url) as name:
        yield databases.at(postgres_url, name)


@pytest.fixture(scope="module")
def module_database(postgres_url: str) -> Iterator[str]:
    """Like `fresh_database`, shared by the tests of one module."""
    with _database(postgres_url) as name:
        yield databases.at(postgres_url, name)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Name a database as the migrations of a service leave it; the first who asks migrates it."""
    with ExitStack() as stack:

        @cache
        def template(service: str) -> str:
            name = stack.enter_context(_database(postgres_url))
            in_own_loop(prepare_database(databases.at(postgres_url, name), service))
            return name

        yield template


@pytest.fixture
def migrated_database(
    postgres_url: str, migrated_template: Callable[[str], str]
) -> Iterator[Callable[[str], str]]:
    """Make databases as a service's migrations leave them, dropped after the test.

    Called with a service's name; gives the superuser's address. A copy takes a third of the time
    that the migrations do.
    """
    with ExitStack() as stack:

        def make(service: str) -> str:
            name = stack.enter_context(_database(postgres_url, migrated_template(service)))
            return databases.at(postgres_url, name)

        yield make


def in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from anywhere, also where an event loop is running already."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        return aside.submit(asyncio.run, work).result()


@contextmanager
def _database(admin_url: str, template: str = "template0") -> Iterator[str]:
    name = f"test_{uuid4().hex[:16]}"
    in_own_loop(databases.create(admin_url, name, template=template))
    try:
        yield name
    finally:
        in_own_loop(databases.drop(admin_url, name))


def _quickest_place() -> Path:
    """Choose memory for a server's files where there is plenty, and programs may run from it.

    On ext4 each file takes the longer to create the more were deleted in the last minutes, and
    every database that a test leaves behind is three hundred of them.
    """
    with suppress(OSError):
        told = os.statvfs(_MEMORY)
        runs = not told.f_flag & os.ST_NOEXEC
        if runs and told.f_bavail * told.f_frsize > _PLENTY and os.access(_MEMORY, os.W_OK):
            return _MEMORY
    return Path(tempfile.gettempdir())


@contextmanager
def _folder(name: str, place: Path) -> Iterator[Path]:
    prefix = f"parley-test-{name}-"
    _sweep(place, prefix)
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as made,
        Path(made, "in-use").open("w") as in_use,
    ):
        fcntl.flock(in_use, fcntl.LOCK_EX)
        folder = Path(made)
        folder.chmod(0o711)  # the server's user passes through; it cannot list or write
        yield folder


def _sweep(place: Path, prefix: str) -> None:
    """Remove what sessions that were killed could not: their folder's lock is free again."""
    for folder in place.glob(f"{prefix}*"):
        try:
            with (folder / "in-use").open() as in_use:
                fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, just being made, or another user's
            continue
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _stopping(child: Child) -> Iterator[None]:
    try:
        yield
    finally:
        child.stop()


def _teller(config: pytest.Config) -> kafka_kit.Tell:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.write_line if reporter else kafka_kit.silent
