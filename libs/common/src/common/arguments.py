"""Numbers on a command line, checked while they are read."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

N = TypeVar("N", int, float)


def at_least(lowest: N) -> Callable[[str], N]:
    """Make an argument's `type`: a number of the same kind, and none below."""
    kind = type(lowest)

    def read(text: str) -> N:
        try:
            number = kind(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is not a number") from None
        # NaN is below everything as well.
        if not number >= lowest:
            raise ArgumentTypeError(f"{text} is below {lowest}")
        return number

    return read
