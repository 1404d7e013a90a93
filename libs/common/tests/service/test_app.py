"""An application answers problems, probes and metrics the same way in every service."""

from collections.abc import AsyncGenerator, Callable, Generator
from datetime import timedelta
from typing import Annotated, Any

import httpx2
import pytest
import structlog
from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from common.auth import InternalTokens, Principal, TrustedCaller, generate_internal_key
from common.contracts.trace import current_traceparent
from common.errors import (
    Conflict,
    Forbidden,
    NeedsOperator,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from common.service import create_app, principal

PRIVATE, PUBLIC = generate_internal_key()
GATEWAY = InternalTokens("gateway", PRIVATE)
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
router = APIRouter(prefix="/things")
Reader = Annotated[Principal, Depends(principal("toy:read"))]


class Thing(BaseModel):
    """A thing."""

    name: str = Field(max_length=3)
    size: int


FAILURES: dict[str, Callable[[], Exception]] = {
    "missing": lambda: NotFound("There is no such thing."),
    "conflict": lambda: Conflict("Already connected.", hint="Disconnect first."),
    "slow": lambda: RateLimited("Slow down.", retry_after=timedelta(seconds=1.2)),
    "away": lambda: Unavailable("Postgres is away."),
    "unknown": lambda: OutcomeUnknown("It may have been done."),
    "broken": lambda: NeedsOperator("Evolution refused our key."),
    "bug": lambda: ZeroDivisionError("s3cret inside"),
    "framework": lambda: HTTPException(418, headers={"x-tea": "yes"}),
}


@router.get("/fail/{how}")
async def fail(how: str) -> None:
    failure = FAILURES[how]()
    raise failure


@router.post("")
async def make(thing: Thing) -> Thing:
    """Make a thing."""
    return thing


@router.get("/mine")
async def mine(caller: Reader) -> dict[str, str]:
    return {"tenant": caller.tenant_id, "trace": current_traceparent.get() or ""}


@router.get("/half")
async def half() -> StreamingResponse:
    async def body() -> AsyncGenerator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    return StreamingResponse(body())


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    """Rich tracebacks of the default renderer take seconds."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    trusted = {"gateway": TrustedCaller(PUBLIC, frozenset({"toy:read"}))}
    tokens = InternalTokens("toy", generate_internal_key()[0], trusted)
    app = create_app("toy", "1.0", [router], authenticate=tokens.verify, max_body_size=1000)
    async with http(app) as opened:
        yield opened


def http(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://toy.test")


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("missing", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("slow", 429, "rate_limited"),
        ("broken", 502, "needs_operator"),
        ("bug", 500, "internal"),
        ("framework", 418, "i_m_a_teapot"),
    ],
)
async def test_every_error_is_a_problem_document(
    client: httpx2.AsyncClient, how: str, status: int, code: str
) -> None:
    response = await client.get(f"/things/fail/{how}", headers={"x-request-id": "request-1"})

    problem = response.json()
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:parley:error:{code}"
    assert problem["instance"] == "urn:parley:request:request-1"
    assert problem["title"]
    assert problem["detail"]


async def test_what_helps_the_caller_is_said(client: httpx2.AsyncClient) -> None:
    conflict = await client.get("/things/fail/conflict")
    slow = await client.get("/things/fail/slow")
    tea = await client.get("/things/fail/framework")

    assert conflict.json()["hint"] == "Disconnect first."
    assert slow.headers["retry-after"] == "2"
    assert tea.headers["x-tea"] == "yes"


async def test_what_passes_says_when_to_come_again(client: httpx2.AsyncClient) -> None:
    away = await client.get("/things/fail/away")
    unknown = await client.get("/things/fail/unknown")

    assert (away.status_code, away.headers["retry-after"]) == (503, "2")
    assert "retry-after" not in unknown.headers


async def test_a_bug_shows_nothing_of_the_inside(client: httpx2.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await client.get("/things/fail/bug")

    assert "s3cret" not in response.text
    assert "ZeroDivision" not in response.text
    [failed] = [entry for entry in logs if entry["event"] == "http.request_failed"]
    assert failed["exc_info"]


async def test_wrong_fields_are_named_and_not_quoted(client: httpx2.AsyncClient) -> None:
    response = await client.post("/things", json={"name": "s3cret", "size": "s3cret"})

    problem = response.json()
    assert response.status_code == 422
    assert [error["field"] for error in problem["errors"]] == ["body.name", "body.size"]
    assert "s3cret" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", b"", 404, "not_found"),
        ("POST", "/things/", b"{}", 404, "not_found"),
        ("PATCH", "/things", b"", 405, "method_not_allowed"),
        ("POST", "/things", b"{not json", 400, "malformed"),
        ("POST", "/things", b"x" * 1001, 413, "too_large"),
    ],
)
async def test_what_the_framework_refuses_looks_the_same(
    client: httpx2.AsyncClient, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    headers = {"content-type": "application/json"}

    response = await client.request(method, path, content=body, headers=headers)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code


async def test_a_long_body_without_announcement_is_refused_while_it_arrives(
    client: httpx2.AsyncClient,
) -> None:
    async def body() -> AsyncGenerator[bytes]:
        for _ in range(11):
            yield b" " * 100

    headers = {"content-type": "application/json"}
    response = await client.post("/things", content=body(), headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert "1000 bytes" in response.json()["detail"]


async def test_half_an_answer_breaks_the_connection(client: httpx2.AsyncClient) -> None:
    with pytest.raises(Exception, match=r"^$"):
        await client.get("/things/half")


@pytest.mark.parametrize("token", [None, "nonsense"])
async def test_an_unproven_caller_is_asked_who_they_are(
    client: httpx2.AsyncClient, token: str | None
) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}

    response = await client.get("/things/mine", headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_proven_caller_needs_the_scope(client: httpx2.AsyncClient) -> None:
    token = GATEWAY.sign(Principal("ten_1", "key:1", frozenset({"toy:write"})), audience="toy")

    response = await client.get("/things/mine", headers={"authorization": f"Bearer {token}"})

    assert response.status_code == Forbidden.status
    assert "toy:read" in response.json()["detail"]


async def test_a_proven_caller_is_served_inside_its_trace(client: httpx2.AsyncClient) -> None:
    token = GATEWAY.sign(Principal("ten_1", "key:1", frozenset({"toy:read"})), audience="toy")
    headers = {"authorization": f"Bearer {token}", "traceparent": TRACE}

    response = await client.get("/things/mine", headers=headers)

    assert response.json() == {"tenant": "ten_1", "trace": TRACE}


async def test_an_async_authenticator_works_too() -> None:
    async def believe(token: str) -> Principal:
        return Principal(token, "key:1", frozenset({"toy:read"}))

    async with http(create_app("toy", "1.0", [router], authenticate=believe)) as client:
        response = await client.get("/things/mine", headers={"authorization": "Bearer ten_9"})

    assert response.json()["tenant"] == "ten_9"


async def test_an_application_without_authenticator_believes_nobody() -> None:
    async with http(create_app("toy", "1.0", [router])) as client:
        response = await client.get("/things/mine", headers={"authorization": "Bearer x"})

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abcd-1234", True), ("short", False), ("x" * 65, False), ("a\tb c d e", False)],
)
async def test_a_sane_request_id_is_kept(
    client: httpx2.AsyncClient, given: str, *, kept: bool
) -> None:
    response = await client.get("/nowhere", headers={"x-request-id": given})

    assert (response.headers["x-request-id"] == given) is kept
    assert len(response.headers["x-request-id"]) >= 8


async def test_the_access_log_names_the_template_and_not_the_path(
    client: httpx2.AsyncClient,
) -> None:
    with structlog.testing.capture_logs() as logs:
        await client.get("/things/fail/missing?token=s3cret")
        await client.get("/s3cret-public-id")
        await client.get("/livez")

    answered = [entry for entry in logs if entry["event"] == "http.request_answered"]
    assert [(e["route"], e["status"], e.get("error")) for e in answered] == [
        ("/things/fail/{how}", 404, "not_found"),
        ("unmatched", 404, "not_found"),
    ]
    assert "s3cret" not in str(logs)


async def test_requests_are_counted_by_template(client: httpx2.AsyncClient) -> None:
    await client.get("/things/fail/conflict")

    metrics = (await client.get("/metrics")).text
    wanted = (
        'parley_http_server_seconds_count{method="GET",route="/things/fail/{how}",status="409"}'
    )
    assert wanted in metrics


async def test_the_openapi_document_tells_the_truth_about_refusals(
    client: httpx2.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()

    responses = document["paths"]["/things"]["post"]["responses"]
    assert set(responses) == {"200", "default"}
    schema = responses["default"]["content"]["application/problem+json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Problem"}
    assert "FieldProblem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in str(document)
    assert "/livez" not in document["paths"]
