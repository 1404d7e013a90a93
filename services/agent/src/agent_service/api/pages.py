"""Pages of a list: a cursor names the place where the next one goes on, and means nothing else."""

from base64 import b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query

from agent_service.domain.ports import Place
from common.contracts import ConversationId
from common.errors import InvalidInput

Cursor = Annotated[
    str | None,
    Query(max_length=500, description="From the `Link` of the page before; none for the first"),
]
PAGED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "Link": {
                "schema": {"type": "string"},
                "description": 'Where the next page is, `<…>; rel="next"`; absent on the last',
            }
        }
    }
}
"""What a list says of its pages, as in RFC 8288."""


def next_page(path: str, place: Place, **asked: object) -> str:
    """Write the `Link` to what follows a place, asked for as this page was."""
    given = {name: value for name, value in asked.items() if value is not None}
    return f'<{path}?{urlencode({**given, "cursor": cursor_of(place)})}>; rel="next"'


def cursor_of(place: Place) -> str:
    """Write a place down as a cursor."""
    moved = place.moved_at.astimezone(UTC).isoformat()
    return urlsafe_b64encode(f"{moved} {place.id}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Read a cursor.

    Raises:
        InvalidInput: it is none of ours.
    """
    with suppress(ValueError, OverflowError):
        plain = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        moved, _, id_ = plain.decode().partition(" ")
        place = Place(datetime.fromisoformat(moved).astimezone(UTC), ConversationId(id_))
        if cursor_of(place) == cursor and id_.isprintable():
            return place
    hint = "Follow the `Link` of a page as it was, or give no cursor to begin anew."
    raise InvalidInput("cursor: this is no cursor of ours.", hint=hint)
