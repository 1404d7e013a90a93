"""Pages of a list: a `Link` to the next one, and cursors that nobody else writes."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, NamedTuple

import httpx2
import pytest
from fastapi import APIRouter, Depends

from common.errors import InvalidInput
from common.service import PAGED, Pages, create_app
from common.service.pages import cursor_of, place_of

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
router = APIRouter()


class Spot(NamedTuple):
    at: datetime
    stored_at: datetime
    id: str


class Number(NamedTuple):
    id: str


@router.get("/shelves/{shelf}/things", responses=PAGED)
async def things(
    shelf: str, pages: Annotated[Pages, Depends()], limit: int = 2, kind: str = ""
) -> list[str]:
    after = pages.after(Number(""))
    rest = [one for one in "abcde" if one > after.id]
    return pages.cut(rest[: limit + 1], limit, Number)


@pytest.fixture
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app("toy", "1.0", [router]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://toy") as client:
        yield client


async def test_each_page_leads_to_the_next_asked_for_as_it_was_and_the_last_nowhere(
    client: httpx2.AsyncClient,
) -> None:
    link, found = "/shelves/1%20a/things?kind=%3E%26", []
    while link:
        answer = await client.get(link)
        found.append(answer.json())
        link = answer.links.get("next", {}).get("url", "")
        assert not link or link.startswith("/shelves/1%20a/things?kind=%3E%26&cursor="), link
    assert found == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("id_", ["x", "", "a b  c", "é\n", "x" * 255])
def test_a_place_is_read_as_it_was_written(id_: str) -> None:
    there = Spot(NOON, NOON + timedelta(microseconds=1), id_)
    assert place_of(cursor_of(there), Spot) == there
    abroad = NOON.astimezone(timezone(timedelta(hours=5)))
    assert cursor_of(Spot(abroad, abroad, id_)) == cursor_of(Spot(NOON, NOON, id_))


def _written(plain: str) -> str:
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "7",
        "\0",
        "é",
        cursor_of(Number("x")),
        cursor_of((NOON, "x")),
        cursor_of((NOON, NOON)),
        _written("2026-11-30T12:00:00 2026-11-30T12:00:00 x"),
        _written("0001-01-01T00:00:00+23:59 2026-11-30T12:00:00+00:00 x"),
        cursor_of((NOON, NOON, "x\0")),
        cursor_of((NOON, NOON, "x")) + "=",
    ],
)
def test_what_is_no_place_of_that_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        place_of(cursor, Spot)
