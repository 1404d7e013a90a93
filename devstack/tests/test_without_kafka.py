"""Where there is neither Java nor a broker, the journey is still played, and it is said how."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.places import Places

SETUP = """
from pathlib import Path
from devstack import stack
from devstack.places import Places
from devstack.screen import Screen
stack.prepare(Places(Path.cwd()), Screen())
"""
DEMO = """
import asyncio, sys
from pathlib import Path
from devstack import demo
from devstack.places import Places
from devstack.screen import Screen
sys.exit(asyncio.run(demo.run(Places(Path.cwd()), Screen())))
"""


@pytest.fixture
def clone() -> Iterator[Path]:
    """A folder that another user (Postgres's, when we are root) may pass through."""
    with tempfile.TemporaryDirectory(
        prefix="parley-test-demo-", ignore_cleanup_errors=True
    ) as made:
        folder = Path(made)
        folder.chmod(0o711)
        yield folder


def without_java(clone: Path, program: str) -> "subprocess.CompletedProcess[str]":
    dropped = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "JAVA_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=clone,
        env={**kept, "PATH": str(clone)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=200,
    )


def test_setup_without_java_says_so_and_goes_on(clone: Path) -> None:
    done = without_java(clone, SETUP)
    assert done.returncode == 0, done.stdout
    assert "Java is not installed" in done.stdout
    assert "without Kafka" in done.stdout


@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_the_demo_without_java_plays_the_whole_journey_and_says_there_is_no_kafka(
    clone: Path,
) -> None:
    done = without_java(clone, DEMO)
    logs = "\n".join(log.read_text() for log in Places(clone).logs.glob("services.log"))
    assert done.returncode == 0, done.stdout + logs
    assert "Java is not installed" in done.stdout
    assert "There is no Kafka: all services run in one process" in done.stdout
    assert "The journey is complete, on the in-process bus, without Kafka." in done.stdout
    told = json.loads((Places(clone).state / "demo.json").read_bytes())
    assert told["ok"] is True
    assert told["broker"] == "in-process"
    assert [step["name"] for step in told["steps"]][-1] == "the usage is counted"
    assert all(step["ok"] for step in told["steps"])
    assert not Places(clone).kafka.exists()
