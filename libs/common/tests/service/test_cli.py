"""The command line: every verb explains itself, and mistakes are sentences."""

import subprocess
import sys
from pathlib import Path

import pytest

import common.service

TOY = Path(__file__).parent / "toy.py"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOY), *arguments],
        env={"PATH": ""} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_verb() -> None:
    done = run("--help")

    assert done.returncode == 0
    for verb in ("api", "worker", "all", "migrate", "greet", "fail"):
        assert verb in done.stdout


@pytest.mark.parametrize("verb", ["api", "worker", "all", "migrate", "greet"])
def test_every_verb_has_help(verb: str) -> None:
    assert run(verb, "--help").returncode == 0


def test_a_verb_of_its_own_runs_without_any_settings() -> None:
    done = run("greet", "Ana")

    assert (done.returncode, done.stdout) == (0, "hello Ana\n")


def test_our_own_error_is_a_sentence_with_a_hint() -> None:
    done = run("fail")

    assert (done.returncode, done.stderr) == (1, "Nobody is there.\nTry later.\n")


@pytest.mark.parametrize("verb", ["api", "worker", "all", "migrate"])
def test_without_settings_every_missing_one_is_named(verb: str) -> None:
    done = run(verb)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    for name in ("TOY_DATABASE_URL", "TOY_KEYRING", "KAFKA_BOOTSTRAP_SERVERS", "OBJECT_STORE_URL"):
        assert name in done.stderr


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_an_unknown_verb_is_wrong_use(arguments: list[str]) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert "usage:" in done.stderr


LIGHT = """
import sys
from common.service import Command, Service, main
toy = Service("toy", "nowhere.settings:Settings", "nowhere.app:build")
try:
    main(toy, ["--help"])
except SystemExit:
    pass
heavy = ("fastapi", "sqlalchemy", "aiokafka", "uvicorn", "pydantic", "structlog")
print("loaded", sorted(set(heavy) & set(sys.modules)))
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "loaded []"


def test_every_public_name_can_be_imported() -> None:
    for name in common.service.__all__:
        assert getattr(common.service, name) is not None
    with pytest.raises(AttributeError):
        common.service.nothing_of_the_sort  # noqa: B018 - the access is what is tested
