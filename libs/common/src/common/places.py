"""Places in lists that are read page by page: right behind one of their rows, as it stood then."""

from datetime import UTC, datetime
from typing import NamedTuple


class Place(NamedTuple):
    """A place in a list whose rows have a time and an id, the newest first."""

    at: datetime
    id: str


TOP = Place(datetime(9999, 1, 1, tzinfo=UTC), "")
"""Above all. Not a null: behind row-level security, an index is searched for plain values only."""
