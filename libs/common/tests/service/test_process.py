"""A service as a process: it starts, says how it is, drains when told, and dies when it must."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from common.auth import generate_internal_key, generate_keyring

TOY = Path(__file__).parent / "toy.py"
SETTINGS = {
    "TOY_DATABASE_URL": "postgresql://toy:hunter2@127.0.0.1:1/toy",
    "TOY_KEYRING": generate_keyring(),
    "TOY_INTERNAL_KEY": generate_internal_key()[0],
    "TOY_PORT": "0",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "INTERNAL_TRUSTED_KEYS": "{}",
    "CAPABILITY_KEYRING": generate_keyring(),
    "OBJECT_STORE_URL": "file:///var/lib/parley",
}
IN_TIME = 30.0


class Process:
    """The toy service, running."""

    def __init__(self, verb: str, log: Path, **environment: str) -> None:
        self._log = log
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(TOY), *verb.split()],
                env=inherited | SETTINGS | environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(x) for x in self._log.read_text().splitlines() if x.startswith("{")]

    def line(self, event: str) -> dict[str, object]:
        deadline = time.monotonic() + IN_TIME
        while time.monotonic() < deadline:
            found = [line for line in self.lines() if line["event"] == event]
            if found:
                return found[0]
            assert self.process.poll() is None or self.lines(), self._log.read_text()
            time.sleep(0.02)
        raise AssertionError(f"no {event} in {self._log.read_text()}")

    def get(self, path: str) -> tuple[int, str]:
        port = self.line("service.started")["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=IN_TIME)
        return self.process.returncode, output


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    started: list[Process] = []

    def starter(verb: str, **environment: str) -> Process:
        process = Process(verb, tmp_path / f"{len(started)}.log", **environment)
        started.append(process)
        return process

    yield starter
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


def test_it_serves_its_probes_and_drains_when_told(start: Start) -> None:
    process = start("all", TOY_WORKERS="works,other")

    assert process.get("/livez") == (200, '{"status":"alive","reasons":[]}')
    assert process.get("/readyz") == (200, '{"status":"ready","reasons":[]}')
    assert 'parley_build_info{service="toy",version="1.2.3"} 1.0' in process.get("/metrics")[1]
    assert process.get("/nowhere")[0] == 404
    process.process.send_signal(signal.SIGTERM)
    code, output = process.end()

    assert code == 0
    assert sorted(output.split()) == ["drained", "drained", "worker-other", "worker-works"]
    assert process.line("service.stopping")["signal"] == "SIGTERM"


def test_a_worker_serves_health_and_metrics_too(start: Start) -> None:
    process = start("worker", TOY_WORKERS="joining,stalled")

    assert process.get("/readyz") == (503, '{"status":"not ready","reasons":["still joining"]}')
    assert process.get("/livez") == (503, '{"status":"not alive","reasons":["no poll for 90 s"]}')
    assert process.get("/metrics")[0] == 200
    assert process.get("/openapi.json")[0] == 404


@pytest.mark.parametrize("behaviour", ["dies", "returns"])
def test_a_component_that_dies_takes_the_process_down_after_the_others_drained(
    start: Start, behaviour: str
) -> None:
    process = start("worker", TOY_WORKERS=f"works,{behaviour}")

    code, output = process.end()

    assert code == 1
    assert output == "worker-works drained\n"
    died = process.line("component.died")
    assert died["component"] == f"worker-{behaviour}"
    assert "s3cret" not in json.dumps(process.lines())


def test_while_it_drains_it_is_alive_but_not_ready_and_a_second_signal_ends_it(
    start: Start,
) -> None:
    process = start("all", TOY_WORKERS="stuck")
    assert process.get("/readyz")[0] == 200

    process.process.send_signal(signal.SIGTERM)
    process.line("service.stopping")
    status, body = process.get("/readyz")
    assert (status, "stopping" in body) == (503, True)
    assert process.get("/livez")[0] == 200
    process.process.send_signal(signal.SIGINT)
    code, _ = process.end()

    assert code == 128 + signal.SIGINT


def test_missing_settings_are_one_sentence(start: Start) -> None:
    process = start("api", TOY_KEYRING="", TOY_PORT="x")

    code, _ = process.end()

    assert code == 2
    assert "TOY_PORT" in process._log.read_text()
    assert "Traceback" not in process._log.read_text()


def test_what_cannot_be_built_is_said_in_a_sentence(start: Start) -> None:
    process = start("api", TOY_BUILD="fails")

    assert process.end()[0] == 1
    assert process.line("service.not_started")["reason"] == "Postgres is away."


def test_a_port_in_use_is_said_in_a_sentence(start: Start) -> None:
    port = str(start("api").line("service.started")["port"])

    second = start("api", TOY_PORT=port)

    assert second.end()[0] == 1
    assert port in str(second.line("service.not_started")["reason"])


def test_idle_it_is_small(start: Start) -> None:
    process = start("all")
    process.get("/readyz")

    status = Path(f"/proc/{process.process.pid}/status").read_text()
    kilobytes = int(status.split("VmRSS:")[1].split()[0])

    assert kilobytes < 110 * 1024
