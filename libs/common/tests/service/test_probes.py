"""Probes say why, in an application of ours and around any other."""

from typing import Any

import httpx2

from common.errors import NotFound
from common.service import Health, Probes, RequestEdge, create_app, problem_response


class Check:
    """Says what it is told to say."""

    def __init__(self, not_ready: str | None = None, stalled: str | None = None) -> None:
        self._answers = (not_ready, stalled)

    def not_ready(self) -> str | None:
        return self._answers[0]

    def stalled(self) -> str | None:
        return self._answers[1]


def http(app: Any) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def test_probes_say_why_not() -> None:
    app = create_app("toy", "1.0", [], checks=[Check(not_ready="no schema"), Check(), Check()])
    async with http(app) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        app.state.health.add([Check(stalled="no beat")])
        alive = await client.get("/livez")

    assert (ready.status_code, ready.json()["reasons"]) == (503, ["no schema"])
    assert (alive.status_code, alive.json()["reasons"]) == (503, ["no beat"])


async def test_a_plain_asgi_application_gets_the_same_edge_and_problems() -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await problem_response(NotFound("nothing"), request_id="x")(scope, receive, send)

    async with http(Probes(RequestEdge(plain), Health())) as client:
        assert (await client.get("/readyz")).status_code == 200
        response = await client.get("/x")

    assert response.json()["code"] == "not_found"
    assert response.headers["x-request-id"]
