"""Numbers on a command line."""

from argparse import ArgumentTypeError

import pytest

from common.arguments import at_least


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        at_least(1)(text)


@pytest.mark.parametrize("text", ["-0.1", "nan"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        at_least(0.0)(text)


def test_a_number_keeps_its_kind() -> None:
    assert (at_least(1)("7"), at_least(0.0)("2.5")) == (7, 2.5)
