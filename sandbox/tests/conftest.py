"""A fast sandbox in process, a receiver for its webhooks, and an instance that is open."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx2
import openai
import pytest

from sandbox.app import Sandbox, create_app
from sandbox.settings import AckStep, Settings
from sandbox.testing import WebhookReceiver
from sandbox.wire import Json

FAST = Settings(
    retry_scale=0.0005,
    delay_scale=0.001,
    connect_scale=0,
    auto_acks=(AckStep("SERVER_ACK", 0), AckStep("DELIVERY_ACK", 0.005), AckStep("READ", 0.01)),
)


@pytest.fixture
def receiver() -> WebhookReceiver:
    return WebhookReceiver()


@pytest.fixture
def settings() -> Settings:
    """A test that needs another pace parametrizes this."""
    return FAST


@pytest.fixture
async def app(settings: Settings, receiver: WebhookReceiver) -> AsyncGenerator[Sandbox]:
    app = create_app(settings, webhook_transport=httpx2.ASGITransport(app=receiver))
    yield app
    await app.world.aclose()


@pytest.fixture
async def anonymous(app: Sandbox) -> AsyncGenerator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


@pytest.fixture
def post(anonymous: httpx2.AsyncClient) -> Callable[[str, Json], Awaitable[tuple[int, Json]]]:
    """Ask OpenAI with a good key, over plain HTTP; gives the status and the answer."""

    async def post(path: str, body: Json) -> tuple[int, Json]:
        key = {"authorization": "Bearer sk-test"}
        answer = await anonymous.post(f"/openai/v1{path}", json=body, headers=key)
        return answer.status_code, answer.json()

    return post


@pytest.fixture
async def door(app: Sandbox) -> AsyncGenerator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app)
    url = "http://sandbox/_sandbox"
    async with httpx2.AsyncClient(transport=transport, base_url=url) as client:
        yield client


@pytest.fixture
async def evolution(app: Sandbox) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://sandbox/evolution",
        headers={"apikey": FAST.evolution_api_key},
    ) as client:
        yield client


@pytest.fixture
async def loja(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, receiver: WebhookReceiver
) -> str:
    """The name of an instance that is open, subscribed to everything, with base64."""
    answer = await evolution.post(
        "/instance/create",
        json={
            "instanceName": "loja",
            "integration": "WHATSAPP-BAILEYS",
            "qrcode": True,
            "number": "5511999990003",
            "token": "tok-loja",
            "webhook": {
                "url": "http://gateway/hooks",
                "byEvents": False,
                "base64": True,
                "headers": {"x-hook-secret": "s3cret"},
                "events": [],
            },
        },
    )
    assert answer.status_code == 201, answer.text
    scanned = await door.post("/evolution/instances/loja/scan", json={"profile_name": "Loja Teste"})
    assert scanned.status_code == 200, scanned.text
    return "loja"


@pytest.fixture
async def sdk(app: Sandbox) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as client:
        yield openai.AsyncOpenAI(
            api_key="sk-test",
            base_url="http://sandbox/openai/v1",
            http_client=client,
            max_retries=0,
        )
