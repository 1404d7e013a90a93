"""Routes included through several routers are told of by their whole path and all their methods."""

from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import APIRouter
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from common.service import create_app

things = APIRouter(prefix="/things")
router = APIRouter(prefix="/api")


@things.get("/{thing}")
async def read(thing: str) -> str:
    return thing


@things.delete("/{thing}")
async def remove(thing: str) -> str:
    return thing


router.include_router(things)


class Door:
    """A route of plain ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response("passed on")(scope, receive, send)


@pytest.fixture
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    app, door = create_app("toy", "1.0", [router]), Door()
    app.router.routes += [Route("/api/else", door), Route("/api/else/{rest:path}", door)]
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://toy.test"
    ) as client:
        yield client


async def test_a_wrong_method_is_told_all_that_the_path_takes(client: httpx2.AsyncClient) -> None:
    refused = await client.patch("/api/things/1")

    assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, GET")
    assert "Allow" in refused.json()["detail"]
    assert (await client.get("/api/nothing")).json()["detail"] == "There is no such path."


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/things/1", "/api/things/{thing}"),
        ("/api/else", "/api/else"),
        ("/api/else/where", "/api/else"),
    ],
)
async def test_requests_are_counted_by_the_whole_template(
    client: httpx2.AsyncClient, path: str, route: str
) -> None:
    await client.get(path)

    metrics = (await client.get("/metrics")).text
    assert f'parley_http_server_seconds_count{{method="GET",route="{route}"' in metrics
