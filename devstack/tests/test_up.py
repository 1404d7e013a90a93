"""`up` starts a whole suite, tells where it is, and leaves nothing behind, however it ends.

The services here are stand-ins that answer every request; the servers are real.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.environment import SERVICES
from devstack.places import Places

pytestmark = pytest.mark.integration

STAND_IN = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Door(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

print("pid", os.getpid(), flush=True)
if sys.argv[1:] != ["migrate"]:
    HTTPServer(("127.0.0.1", int(os.environ["NAME_PORT"])), Door).serve_forever()
"""
FAILING = "import sys; sys.exit('no such column: colour' if sys.argv[1:] == [VERB] else 0)"
DRIVER = """
import asyncio, sys
from pathlib import Path
from devstack import up
from devstack.errors import StackError
from devstack.places import Places
from devstack.screen import Screen
try:
    sys.exit(asyncio.run(up.run(Places(Path.cwd()), Screen())))
except StackError as error:
    print(error, flush=True)
    sys.exit(2)
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder whose packages stand in for the services: `python -m` looks here first."""
    for package in (*(f"{service}_service" for service in SERVICES), "sandbox"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        name = package.removesuffix("_service").upper()
        (tmp_path / package / "__main__.py").write_text(STAND_IN.replace("NAME", name))
    return tmp_path


@pytest.fixture
def servers(postgres_url: str, kafka_bootstrap: str) -> dict[str, str]:
    return {"DATABASE_URL": postgres_url, "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap}


@contextmanager
def driven(clone: Path, servers: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        cwd=clone,
        env={**os.environ, **servers},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_until_ready(process: "subprocess.Popen[str]") -> str:
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if line.startswith("Ctrl-C"):
            return "".join(said)
    raise AssertionError("".join(said))


def pids(clone: Path) -> list[int]:
    logs = Places(clone).logs.glob("*.log")
    return [int(log.read_text().split()[1]) for log in logs if log.read_text().startswith("pid")]


def are_gone(processes: list[int], limit: float = 10.0) -> bool:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in processes):
            return True
        time.sleep(0.02)
    return False


def test_a_signal_stops_the_ready_suite_and_every_child(
    clone: Path, servers: dict[str, str]
) -> None:
    with driven(clone, servers) as process:
        said = said_until_ready(process)
        children = pids(clone)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert all(service in said for service in SERVICES)
    assert len(children) == 2 * len(SERVICES) + 1  # migrations too, and the sandbox
    assert are_gone(children)


def test_the_children_die_even_when_the_parent_is_killed(
    clone: Path, servers: dict[str, str]
) -> None:
    with driven(clone, servers) as process:
        said_until_ready(process)
        children = pids(clone)
        process.kill()
    assert are_gone(children)


def test_a_service_that_dies_ends_the_suite_with_the_tail_of_its_log(
    clone: Path, servers: dict[str, str]
) -> None:
    with driven(clone, servers) as process:
        said_until_ready(process)
        crm = int((Places(clone).logs / "crm.log").read_text().split()[1])
        os.kill(crm, signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "crm ended by itself with code -9" in rest
    assert are_gone(pids(clone))


@pytest.mark.parametrize("verb", ["migrate", "all"])
def test_a_service_that_cannot_start_says_why(
    clone: Path, servers: dict[str, str], verb: str
) -> None:
    (clone / "crm_service" / "__main__.py").write_text(FAILING.replace("VERB", repr(verb)))
    with driven(clone, servers) as process:
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "no such column: colour" in said
    assert "Traceback" not in said
    assert are_gone(pids(clone))
