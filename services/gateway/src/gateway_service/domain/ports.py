"""What the use cases need from the outside, and the contexts that carry it."""

from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.auth import Principal
from common.contracts import TenantId
from common.contracts.cloudevents import Headers
from gateway_service.domain.model.accounts import StoredKey, Tenant
from gateway_service.domain.model.audit import AuditEntry

Clock = Callable[[], datetime]


class WebhookLog(Protocol):
    """The durable log that webhooks are written to."""

    async def append(self, *, key: str, value: bytes, headers: Headers) -> None:
        """Write one record and wait until it is durable.

        Raises:
            Unavailable: no acknowledgement in time; it may still arrive.
        """


class Parking(Protocol):
    """Where bodies go that are too large for the log."""

    async def put(self, key: str, content: bytes, content_type: str = ...) -> None:
        """Store bytes under a key.

        Raises:
            Unavailable: the store is away.
        """

    async def purge(self, prefix: str, *, before: datetime, limit: int = ...) -> int:
        """Remove older objects under a prefix; returns how many went."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What accepting a webhook may touch."""

    log: WebhookLog
    parking: Parking
    now: Clock
    new_id: Callable[[], str]
    max_depth: int


class Tenants(Protocol):
    """The businesses we know."""

    async def add(self, tenant: Tenant) -> None:
        """Keep a new one."""

    async def page(self, after: str, limit: int) -> list[Tenant]:
        """List them from after this id on, the oldest first."""

    async def suspend(self, tenant: TenantId, at: datetime | None) -> Tenant | None:
        """Suspend one, unless it is already, or with None no longer; None when it is unknown."""

    async def exists(self, tenant: TenantId) -> bool:
        """Say whether there is one of this id."""


class Keys(Protocol):
    """API keys, within what the transaction may see."""

    async def add(self, key: StoredKey) -> bool:
        """Keep a new one; False when its id is taken."""

    async def of(self, tenant: TenantId) -> list[StoredKey]:
        """List a tenant's keys, the oldest first."""

    async def revoke(
        self, key_id: str, at: datetime, *, tenant: TenantId | None = None
    ) -> StoredKey | None:
        """Revoke a key, of this tenant if one is named; None when there is none of this id."""


class AuditLog(Protocol):
    """What was done, by whom; written in the transaction of the change where there is one."""

    async def add(self, entry: AuditEntry) -> None:
        """Write one line."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one command or one request may touch."""

    tenants: Tenants
    keys: Keys
    audit: AuditLog
    now: Clock
    new_id: Callable[[str], str]


Opener = Callable[[], AbstractAsyncContextManager[Context]]
OpenForTenant = Callable[[TenantId], AbstractAsyncContextManager[Context]]


class Standing(Protocol):
    """Says how tenants stand; each call is a transaction of its own."""

    async def is_suspended(self, tenant: str) -> bool:
        """Say whether a tenant is suspended; one that we do not know is not."""


class KeyLookup(Protocol):
    """Finds keys before the tenant is known; each call is a transaction of its own."""

    async def find(self, key_id: str) -> StoredKey | None:
        """Find a key by its id."""

    async def used(self, key_id: str, at: datetime) -> None:
        """Note that a key was used; at most once a minute is really written."""


class AuditSink(Protocol):
    """Writes lines of the audit log; each call is a transaction of its own."""

    async def write(self, entry: AuditEntry) -> None:
        """Write one line.

        Raises:
            Unavailable: the database is away.
        """

    async def purge(self, before: datetime) -> int:
        """Forget older lines, a few thousand at a time; returns how many went."""


HeaderList = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is passed on to a service."""

    service: str
    principal: Principal | None
    """None where anybody may look."""
    method: str
    target: bytes
    """Path and query, exactly as they came."""
    headers: HeaderList
    body: AsyncIterable[bytes] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answers, as it comes."""

    status: int
    headers: HeaderList
    chunks: AsyncIterable[bytes]


class Upstreams(Protocol):
    """The services behind us."""

    def send(self, call: Call) -> AbstractAsyncContextManager[Answer]:
        """Pass a request on.

        Raises:
            Unavailable: the service is away, and nothing was done.
            TimedOut: it did not answer in time, and nothing was changed.
            OutcomeUnknown: it may have changed something before it fell silent.
        """
