"""The supervisor stops from the top down and notices a child that dies."""

import asyncio
import sys
from pathlib import Path

from devstack.children import Child, Command
from devstack.supervisor import Supervisor, Tier

PATIENT = "import time; time.sleep(60)"


def command(folder: Path, name: str, code: str = PATIENT) -> Command:
    return Command(name, [sys.executable, "-c", code], folder / f"{name}.log")


def test_children_stop_from_the_services_down_to_the_servers(tmp_path: Path) -> None:
    supervisor, order = Supervisor(), list[str]()

    def noted(child: Child) -> None:
        order.append(child.name)
        child.stop()

    for name, tier in (("agent", Tier.SERVICES), ("kafka", Tier.SERVERS), ("box", Tier.SANDBOX)):
        supervisor.launch(command(tmp_path, name), tier, stop=noted)
    supervisor.stop_all()

    assert order == ["agent", "box", "kafka"]


def test_nothing_runs_after_stopping_all(tmp_path: Path) -> None:
    supervisor = Supervisor()
    children = [
        supervisor.launch(command(tmp_path, f"c{number}"), Tier.SERVICES) for number in range(3)
    ]
    supervisor.stop_all()
    assert all(child.exit_code is not None for child in children)


async def test_a_dead_child_is_named(tmp_path: Path) -> None:
    supervisor = Supervisor()
    try:
        supervisor.launch(command(tmp_path, "steady"), Tier.SERVICES)
        supervisor.launch(command(tmp_path, "frail", "raise SystemExit(7)"), Tier.SERVICES)
        async with asyncio.timeout(10):
            dead = await supervisor.wait_for_a_death()
        assert (dead.name, dead.exit_code) == ("frail", 7)
    finally:
        supervisor.stop_all()


def test_a_child_that_may_end_is_not_a_death(tmp_path: Path) -> None:
    supervisor = Supervisor()
    child = supervisor.launch(command(tmp_path, "migrate", "pass"), Tier.SERVICES, may_end=True)
    child.process.wait()
    assert supervisor.dead() is None
    supervisor.stop_all()
