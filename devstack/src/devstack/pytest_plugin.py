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
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from devstack import containers, databases, kafka, kafka_kit, postgres
from devstack.children import Child, launch
from devstack.places import here
from devstack.ports import free_port, free_ports

T = TypeVar("T")


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
    with _folder("postgres") as folder:
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
    with _folder("kafka") as folder:
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
    with _database(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def module_database(postgres_url: str) -> Iterator[str]:
    """Like `fresh_database`, shared by the tests of one module."""
    with _database(postgres_url) as url:
        yield url


def in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from anywhere, also where an event loop is running already."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        return aside.submit(asyncio.run, work).result()


@contextmanager
def _database(admin_url: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:16]}"
    in_own_loop(databases.create(admin_url, name))
    try:
        yield databases.at(admin_url, name)
    finally:
        in_own_loop(databases.drop(admin_url, name))


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    prefix = f"parley-test-{name}-"
    _sweep(prefix)
    with (
        tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as made,
        Path(made, "in-use").open("w") as in_use,
    ):
        fcntl.flock(in_use, fcntl.LOCK_EX)
        folder = Path(made)
        folder.chmod(0o711)  # the server's user passes through; it cannot list or write
        yield folder


def _sweep(prefix: str) -> None:
    """Remove what sessions that were killed could not: their folder's lock is free again."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
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
