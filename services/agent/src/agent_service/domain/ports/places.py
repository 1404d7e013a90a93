"""Places in lists that go by names."""

from typing import NamedTuple


class NamePlace(NamedTuple):
    """A place in a list that goes by names, of which none comes twice."""

    name: str


FIRST = NamePlace("")
"""Before all: no name is empty."""
