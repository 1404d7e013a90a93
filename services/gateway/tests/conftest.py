"""The gateway's fakes: a log that remembers or never answers, a parking lot, keys in memory."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import SecretStr
from starlette.types import ASGIApp

from common.auth import ApiKey, Capabilities, generate_keyring
from common.bus import InProcessBus, Producer, Record
from common.contracts import TenantId, Topic, new_id, uuid7
from common.contracts.cloudevents import attributes, decode
from common.contracts.event import Envelope, Event
from common.errors import Unavailable
from common.service import create_app
from common.testing import base_settings
from gateway_service.api import FrontDoor, InboundGate, SharedGate, WebhookDoor
from gateway_service.domain.model.accounts import StoredKey, Tenant
from gateway_service.domain.model.audit import AuditEntry
from gateway_service.domain.model.limits import Room
from gateway_service.domain.ports import Context, Intake
from gateway_service.domain.usecases.webhooks import accept_evolution
from gateway_service.providers.kafka_log import KafkaWebhookLog
from gateway_service.settings import Settings

SECRET = "shared-secret-of-evolution"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class NeverAcks:
    """A producer whose broker is silent: it only keeps the deadline it was given."""

    async def publish(self, record: Record, *, deadline: float = 10.0) -> None:
        try:
            async with asyncio.timeout(deadline):
                await asyncio.Event().wait()
        except TimeoutError:
            raise Unavailable("Kafka did not acknowledge in time") from None

    async def publish_all(self, records: Any, *, deadline: float = 30.0) -> list[Exception | None]:
        raise NotImplementedError


@dataclass
class FakeParking:
    """A parking lot in memory, which may be closed."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    away: bool = False
    purged: list[tuple[str, datetime]] = field(default_factory=list)

    async def put(self, key: str, content: bytes, content_type: str = "") -> None:
        if self.away:
            raise Unavailable("The object store is away.")
        self.objects[key] = (content, content_type)

    async def purge(self, prefix: str, *, before: datetime, limit: int = 1000) -> int:
        self.purged.append((prefix, before))
        return 2


@dataclass
class Gateway:
    """The front door with everything behind the webhooks in memory."""

    bus: InProcessBus
    parking: FakeParking
    capabilities: Capabilities
    max_bytes: int = 2_000_000
    held_bytes: int = 4_000_000
    room: Room = field(init=False)
    producer: Producer | None = None
    secret: str = SECRET

    def app(self) -> ASGIApp:
        intake = Intake(
            log=KafkaWebhookLog(self.producer or self.bus.producer()),
            parking=self.parking,
            now=lambda: NOW,
            new_id=uuid7,
            max_depth=100,
        )
        accept = partial(accept_evolution, intake)

        room = self.room = Room(each=self.max_bytes, together=self.held_bytes)

        def door(route: str, gate: Any) -> WebhookDoor:
            return WebhookDoor(route, gate, accept, room, clock=lambda: 0.0)

        return FrontDoor(
            shared=door("webhook/evolution", SharedGate(SecretStr(self.secret), time.time)),
            inbound=door("webhooks/inbound", InboundGate(self.capabilities, time.time)),
            control=create_app("gateway", "test", []),
        )

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[httpx2.AsyncClient]:
        transport = httpx2.ASGITransport(self.app())
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client

    def address(self, *, provider: str = "evolution", generation: int = 3) -> tuple[str, str]:
        """Mint an integration's path and secret."""
        public_id = self.capabilities.mint(
            tenant_id="ten_a", integration_id="int_a", provider=provider, generation=generation
        )
        return f"/api/webhooks/inbound/{public_id}", self.capabilities.secret(public_id)

    def events(self) -> list[Envelope[Event]]:
        """Everything that was published, decoded with the contract."""
        records = self.bus.records(Topic.EVOLUTION_WEBHOOKS)
        return [decode(attributes(record.headers), record.value) for record in records]

    def jwt(self, secret: str, *, age: int = 0) -> dict[str, str]:
        """Sign what Evolution would send with a webhook, so many seconds ago."""
        issued = int(time.time()) - age
        claims = {"iat": issued, "exp": issued + 600, "app": "evolution", "action": "webhook"}
        key = OctKey.import_key(secret)
        token = jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"])
        return {"Authorization": f"Bearer {token}"}

    def problem_of(self, response: httpx2.Response) -> dict[str, Any]:
        """Read a refusal, and make sure that it is a whole problem document."""
        assert response.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = response.json()
        assert problem["status"] == response.status_code
        assert problem["instance"].startswith("urn:parley:request:")
        return problem

    def keys(self) -> list[str]:
        return [record.key for record in self.bus.records(Topic.EVOLUTION_WEBHOOKS)]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(InProcessBus(), FakeParking(), Capabilities.parse(generate_keyring()))


@pytest.fixture
def never_acks() -> NeverAcks:
    return NeverAcks()


@dataclass
class FakeAccounts:
    """Tenants, keys and the audit log in memory, in every role that asks for them."""

    tenants: dict[TenantId, Tenant] = field(default_factory=dict)
    stored: dict[str, StoredKey] = field(default_factory=dict)
    lines: list[AuditEntry] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    away: bool = False
    now: datetime = NOW

    def open(self, tenant: TenantId | None = None) -> AbstractAsyncContextManager[Context]:
        @asynccontextmanager
        async def opened() -> AsyncGenerator[Context]:
            yield Context(
                tenants=_Tenants(self),
                keys=_Keys(self, tenant),
                audit=_Audit(self),
                now=lambda: self.now,
                new_id=new_id,
            )

        return opened()

    async def find(self, key_id: str) -> StoredKey | None:
        if self.away:
            raise Unavailable("Postgres is away")
        self.lookups.append(key_id)
        key = self.stored.get(key_id)
        if key is None:
            return None
        return replace(key, suspended=self.tenants[key.tenant].suspended_at is not None)

    async def is_suspended(self, tenant: str) -> bool:
        self.lookups.append(tenant)
        found = self.tenants.get(TenantId(tenant))
        return found is not None and found.suspended_at is not None

    async def used(self, key_id: str, at: datetime) -> None:
        self.marked.append(key_id)

    async def write(self, entry: AuditEntry) -> None:
        if self.away:
            raise Unavailable("Postgres is away")
        self.lines.append(entry)

    async def purge(self, before: datetime) -> int:
        old = [line for line in self.lines if line.at < before]
        self.lines = [line for line in self.lines if line.at >= before]
        return len(old)

    def add(self, *scopes: str, tenant: str = "ten_a") -> ApiKey:
        """Keep a key and give its secret."""
        secret = ApiKey.generate()
        known = TenantId(tenant)
        self.tenants.setdefault(known, Tenant(known, tenant, NOW))
        key = StoredKey(secret.id, known, "test", secret.hash, frozenset(scopes), NOW)
        self.stored[secret.id] = key
        return secret


@dataclass
class _Tenants:
    accounts: FakeAccounts

    async def add(self, tenant: Tenant) -> None:
        self.accounts.tenants[tenant.id] = tenant

    async def page(self, after: str, limit: int) -> list[Tenant]:
        return [t for t in self.accounts.tenants.values() if t.id > after][:limit]

    async def suspend(self, tenant: TenantId, at: datetime | None) -> Tenant | None:
        found = self.accounts.tenants.get(tenant)
        if found is not None:
            since = None if at is None else found.suspended_at or at
            found = self.accounts.tenants[tenant] = replace(found, suspended_at=since)
        return found

    async def exists(self, tenant: TenantId) -> bool:
        return tenant in self.accounts.tenants


@dataclass
class _Keys:
    accounts: FakeAccounts
    tenant: TenantId | None

    async def add(self, key: StoredKey) -> bool:
        return self.accounts.stored.setdefault(key.id, key) is key

    async def of(self, tenant: TenantId) -> list[StoredKey]:
        return [key for key in self.accounts.stored.values() if key.tenant == tenant]

    async def revoke(
        self, key_id: str, at: datetime, *, tenant: TenantId | None = None
    ) -> StoredKey | None:
        key = self.accounts.stored.get(key_id)
        if key is None or not {self.tenant, tenant} <= {None, key.tenant}:
            return None
        revoked = replace(key, revoked_at=key.revoked_at or at)
        self.accounts.stored[key_id] = revoked
        return revoked


@dataclass
class _Audit:
    accounts: FakeAccounts

    async def add(self, entry: AuditEntry) -> None:
        self.accounts.lines.append(entry)


@pytest.fixture
def accounts() -> FakeAccounts:
    return FakeAccounts()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a gateway whose neighbours are all away, unless said."""

    def make(*, database: str = "postgresql://nobody@127.0.0.1:1/none", **own: Any) -> Settings:
        away = "http://127.0.0.1:1"
        neighbours = {f"{name}_url": away for name in ("whatsapp", "agent", "google", "crm")}
        kafka = own.pop("kafka", "127.0.0.1:1")
        return Settings(
            **{
                **base_settings("gateway", database=database, kafka=kafka),
                "object_store_url": (tmp_path / "objects").as_uri(),
                "public_url": "https://parley.example",
                "webhook_secret": SECRET,
                **neighbours,
                **own,
            }
        )

    return make
