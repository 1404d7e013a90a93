"""Ports that are found free are free, and a busy one is never handed out."""

import socket
from collections.abc import Iterator

import pytest

from devstack import ports
from devstack.errors import StackError


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_somebody_listens_on_is_not_free(busy_port: int) -> None:
    assert not ports.is_free(busy_port)


def test_the_preferred_port_is_taken_when_free() -> None:
    wanted = ports.free_port()
    assert ports.free_port(preferred=wanted) == wanted


def test_another_port_is_found_when_the_preferred_one_is_busy(busy_port: int) -> None:
    found = ports.free_port(preferred=busy_port)
    assert found != busy_port
    assert ports.is_free(found)


def test_several_ports_are_all_different() -> None:
    assert len(set(ports.free_ports(50))) == 50


def test_no_free_port_is_a_sentence_that_says_what_to_do() -> None:
    with pytest.raises(StackError, match="stop something that listens there"):
        ports.free_port(taken=range(65_536))
