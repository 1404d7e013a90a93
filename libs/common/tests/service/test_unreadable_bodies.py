"""What cannot be read as JSON is refused with what would have been read."""

import httpx2
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from common.service import create_app

router = APIRouter(prefix="/things")


class Thing(BaseModel):
    """A thing."""

    name: str
    size: int


@router.post("")
async def make(thing: Thing) -> Thing:
    """Make a thing."""
    return thing


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code", "words"),
    [
        ("text/plain", b'{"name":"a","size":1}', 415, "unsupported_media_type", "application/json"),
        ("", b'{"name":"a","size":1}', 415, "unsupported_media_type", "application/json"),
        ("application/json", b'{"name":"\xff\xfe"}', 400, "malformed", "UTF-8"),
        ("application/json", b"[" * 101 + b"]" * 101, 400, "malformed", "100 levels"),
        (
            "application/json",
            b'{"name":"' + b"[" * 101 + b'","size":"x"}',
            422,
            "invalid_input",
            "",
        ),
        ("application/json", b"[" + b"[]," * 101 + b"1]", 422, "invalid_input", ""),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_what_is_expected(
    content_type: str, body: bytes, status: int, code: str, words: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    transport = httpx2.ASGITransport(create_app("toy", "1.0", [router]))

    async with httpx2.AsyncClient(transport=transport, base_url="http://toy.test") as client:
        problem = (await client.post("/things", content=body, headers=headers)).json()

    assert (problem["status"], problem["code"]) == (status, code)
    assert words in problem["detail"]
