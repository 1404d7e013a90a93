"""One clone runs one stack, and others can find it."""

from pathlib import Path

import pytest

from devstack import session as sessions
from devstack.errors import StackError
from devstack.places import Places
from devstack.session import Session

SESSION = Session(4711, "kafka", {"gateway": 20_001}, {"GATEWAY_PORT": "20001"})


def test_a_second_stack_in_the_same_clone_is_refused(tmp_path: Path) -> None:
    with (
        sessions.alone(Places(tmp_path)),
        pytest.raises(StackError, match="already running"),
        sessions.alone(Places(tmp_path)),
    ):
        pass


def test_a_running_session_is_found_with_its_addresses(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with sessions.alone(places):
        sessions.announce(places, SESSION)
        assert sessions.running(places) == SESSION
        assert SESSION.url("gateway") == "http://127.0.0.1:20001"


def test_a_stack_that_still_starts_is_not_ready_to_be_used(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with sessions.alone(places):
        assert sessions.running(places) is None


def test_a_crashed_session_does_not_count_as_the_one_that_starts_now(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with sessions.alone(places):
        sessions.announce(places, SESSION)
    with sessions.alone(places):
        assert sessions.running(places) is None
        assert sessions.last_ports(places) == SESSION.ports


def test_an_ended_session_is_not_running_and_keeps_only_its_ports(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with sessions.alone(places):
        sessions.announce(places, SESSION)
        sessions.retire(places)
        assert sessions.running(places) is None
    assert sessions.last_ports(places) == SESSION.ports
    assert "GATEWAY_PORT" not in (places.state / "session.json").read_text()


def test_asking_for_a_stack_that_does_not_run_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="start one with `make up`"):
        sessions.required(Places(tmp_path))
