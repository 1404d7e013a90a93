"""Errors, limits and faults of OpenAI, as the SDK sees them."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from sandbox.app import create_app
from sandbox.settings import Settings
from sandbox.testing import serving

MODEL = "gpt-5.4-mini"


async def script(door: httpx2.AsyncClient, *rules: dict[str, Any]) -> None:
    answer = await door.post("/openai/script", json=list(rules))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("voice.aac", b"x", openai.BadRequestError),
        ("voice", b"x", openai.BadRequestError),
        ("voice.ogg", b"", openai.BadRequestError),
    ],
)
async def test_recordings_that_the_real_one_refuses(
    sdk: openai.AsyncOpenAI, name: str, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await sdk.audio.transcriptions.create(file=(name, data), model="gpt-transcribe")


async def test_errors_come_as_the_sdk_expects(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    with pytest.raises(openai.NotFoundError) as retired:
        await sdk.responses.create(model="gpt-4", input="x")
    with pytest.raises(openai.AuthenticationError) as stranger:
        await sdk.with_options(api_key="wrong").responses.create(model=MODEL, input="x")
    with pytest.raises(openai.BadRequestError) as too_long:
        await sdk.responses.create(model="sandbox-tiny", input="x" * 4000)
    await door.post("/openai/keys", json={"without_quota": ["sk-test"]})
    with pytest.raises(openai.RateLimitError) as poor:
        await sdk.responses.create(model=MODEL, input="x")

    assert retired.value.code == "model_not_found"
    assert stranger.value.code == "invalid_api_key"
    assert too_long.value.code == "context_length_exceeded"
    assert (poor.value.code, poor.value.type) == ("insufficient_quota", "insufficient_quota")
    assert poor.value.request_id is not None


async def test_rate_limits_are_enforced_and_shown(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await door.post("/openai/limits", json={"requests": 2, "window_seconds": 30})
    raw = await sdk.responses.with_raw_response.create(model=MODEL, input="x")
    await sdk.responses.create(model=MODEL, input="x")
    with pytest.raises(openai.RateLimitError) as limited:
        await sdk.responses.create(model=MODEL, input="x")
    other = await sdk.with_options(api_key="sk-other").responses.create(model=MODEL, input="x")
    await door.post("/openai/limits", json={"tokens": 100})
    with pytest.raises(openai.RateLimitError) as tokens:
        await sdk.responses.create(model=MODEL, input="x" * 1000)

    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    assert raw.headers["x-request-id"].startswith("req_")
    assert (limited.value.code, limited.value.type) == ("rate_limit_exceeded", "requests")
    assert 0 < float(limited.value.response.headers["retry-after"]) <= 30
    assert other.status == "completed"
    assert tokens.value.type == "tokens"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("rate_limit", openai.RateLimitError, "rate_limit_exceeded"),
        ("insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        ("server_error", openai.InternalServerError, "server_error"),
        ("overloaded", openai.InternalServerError, None),
        ("context_length_exceeded", openai.BadRequestError, "context_length_exceeded"),
        ("invalid_api_key", openai.AuthenticationError, "invalid_api_key"),
        ("permission_denied", openai.PermissionDeniedError, "insufficient_permissions"),
        ("model_not_found", openai.NotFoundError, "model_not_found"),
        ("drop_before", openai.APIConnectionError, None),
        ("refuse", openai.APIConnectionError, None),
        ("hang", openai.APITimeoutError, None),
    ],
)
async def test_faults_surface_as_the_sdks_errors(
    sdk: openai.AsyncOpenAI,
    door: httpx2.AsyncClient,
    fault: str,
    error: type[openai.APIError],
    code: str | None,
) -> None:
    order = {"provider": "openai", "call": "responses", "fault": fault, "retry_after": 120}
    assert (await door.post("/faults", json=order)).status_code == 201
    with pytest.raises(error) as raised:
        await sdk.responses.create(model=MODEL, input="x")

    assert raised.value.code == code
    assert (await door.get("/openai/calls")).json() == []
    if fault == "rate_limit":
        assert isinstance(raised.value, openai.APIStatusError)
        assert raised.value.response.headers["retry-after"] == "120"


async def test_scripted_errors_carry_what_they_are_told(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    error = {"status": 429, "type": "tokens", "code": "rate_limit_exceeded", "retry_after": 1.5}
    await script(door, {"reply": {"error": error}, "times": 1})
    with pytest.raises(openai.RateLimitError) as raised:
        await sdk.responses.create(model=MODEL, input="x")
    after = await sdk.responses.create(model=MODEL, input="x")

    assert raised.value.response.headers["retry-after-ms"] == "1500"
    assert after.status == "completed"


async def test_models_come_and_go(sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient) -> None:
    await door.post("/openai/models", json={"name": "mine", "context_window": 100})
    await door.post("/openai/models", json={"name": MODEL, "retired": True})
    names = [model.id async for model in sdk.models.list()]

    assert "mine" in names
    assert (await sdk.models.retrieve("mine")).id == "mine"
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.create(model=MODEL, input="x")


async def test_a_dropped_answer_is_a_connection_error_on_a_real_server() -> None:
    app = create_app(Settings())
    async with serving(app) as url:
        order = {"provider": "openai", "call": "*", "fault": "drop_after"}
        async with httpx2.AsyncClient(base_url=url) as door:
            await door.post("/_sandbox/faults", json=order)
        client = openai.AsyncOpenAI(api_key="sk-test", base_url=f"{url}/openai/v1", max_retries=0)
        async with client:
            with pytest.raises(openai.APIConnectionError):
                await client.responses.create(model=MODEL, input="x")
            assert app.world.openai.accepted == 1
            async with client.responses.stream(model=MODEL, input="y") as stream:
                final = await stream.get_final_response()

    assert final.output_text == "You said: y"
