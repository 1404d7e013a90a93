"""Pages of a list: a cursor names the place where the next one goes on, and means nothing else."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_type_hints
from urllib.parse import quote

from fastapi import Query, Request, Response

from common.errors import InvalidInput

Place = tuple[datetime | str, ...]
"""What a list is sorted by, as it stands at one of its rows: no text but the last has blanks."""
P = TypeVar("P", bound=Place)
T = TypeVar("T")

Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="From the `Link` of the page before; none for the first"),
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


class Pages:
    """Where the page that was asked for begins, and the `Link` to the next one."""

    def __init__(self, request: Request, response: Response, cursor: Cursor = None) -> None:
        self._request = request
        self._response = response
        self._cursor = cursor

    def after(self, top: P) -> P:
        """Give the place that the page begins behind: a named tuple like `top`, or `top` itself.

        Raises:
            InvalidInput: the cursor is none of ours.
        """
        return top if self._cursor is None else place_of(self._cursor, type(top))

    def cut(self, found: Sequence[T], limit: int, place: Callable[[T], Place]) -> list[T]:
        """Keep what fits on the page; if more was found, say where that is."""
        shown = list(found[:limit])
        if len(found) > limit:
            link = next_page(self._request, cursor=cursor_of(place(shown[-1])))
            self._response.headers["Link"] = link
        return shown


def next_page(request: Request, **asked: object) -> str:
    """Write the `Link` to the next page: asked for as this one was, but for these parameters."""
    url = request.url.include_query_params(**asked)
    return f'<{quote(url.path)}?{url.query}>; rel="next"'


def cursor_of(place: Place) -> str:
    """Write a place down as a cursor."""
    plain = " ".join(map(_plain, place))
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place_of(cursor: str, kind: Callable[..., P]) -> P:
    """Read a cursor as a place of this kind, a named tuple.

    Raises:
        InvalidInput: it is none of ours.
    """
    with suppress(ValueError, OverflowError):
        plain = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        kinds = get_type_hints(kind).values()
        parts = plain.decode().split(" ", len(kinds) - 1)
        read = [_read(part, as_) for part, as_ in zip(parts, kinds, strict=True)]
        if cursor_of(tuple(read)) == cursor and b"\0" not in plain:
            return kind(*read)
    hint = "Follow the `Link` of a page as it was, or give no cursor to begin anew."
    raise InvalidInput("cursor: this is no cursor of ours.", hint=hint)


def _plain(part: datetime | str) -> str:
    return part.astimezone(UTC).isoformat() if isinstance(part, datetime) else part


def _read(part: str, kind: object) -> datetime | str:
    return datetime.fromisoformat(part).astimezone(UTC) if kind is datetime else part
