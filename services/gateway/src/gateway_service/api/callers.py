"""Who calls the public API: proven by a key or a token, and within their limits."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from starlette.types import Scope

from common.auth import ApiKey, Principal
from common.errors import Unauthenticated
from common.telemetry import bind
from gateway_service.domain.model.limits import Allowances, InFlight

CALL = "parley.call"
"""Where a request's `CallNotes` are in its ASGI scope."""

Believe = Callable[[str], Awaitable[Principal]]
"""Turns a key or a token into a principal, or raises Unauthenticated."""


@dataclass(slots=True)
class CallNotes:
    """What is learned about a request on its way, for the audit log."""

    principal: Principal | None = None
    tenant: str | None = None
    """Whom it is about, when that is not the principal's tenant."""
    status: int = 499
    request_id: str = ""


class Doorkeeper:
    """Lets callers of the public API in."""

    def __init__(
        self,
        keys: Believe,
        allowances: Allowances,
        in_flight: InFlight,
        *,
        oidc: Believe | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._oidc = oidc
        self._allowances = allowances
        self._in_flight = in_flight
        self._clock = clock

    async def admit(self, scope: Scope, needed: str) -> Principal:
        """Prove the caller of a request.

        Args:
            scope: the request's.
            needed: the scope that the caller must have.

        Raises:
            Unauthenticated: no credentials, or none that we believe.
            RateLimited: the tenant has used up its allowance.
            Forbidden: the caller lacks the scope.
        """
        principal = await self._believe(_credential(scope))
        notes = scope.get(CALL)
        if isinstance(notes, CallNotes):
            notes.principal = principal
        bind(tenant=principal.tenant_id, subject=principal.subject)
        self._allowances.spend(principal.tenant_id, self._clock())
        principal.require(needed)
        return principal

    def under_way(self, principal: Principal | None) -> AbstractContextManager[None]:
        """Count a request that is passed on, from before it leaves until its answer has ended.

        Raises:
            RateLimited: the tenant has as many under way as it may.
        """
        return self._in_flight.one(None if principal is None else principal.tenant_id)

    async def _believe(self, credential: str) -> Principal:
        if ApiKey.recognises(credential):
            return await self._keys(credential)
        if self._oidc is None:
            raise Unauthenticated("This is not one of our API keys; they begin with pk_.")
        return await self._oidc(credential)


def bearer_of(scope: Scope) -> str:
    """Read the bearer token of a request; empty when there is none."""
    scheme, _, token = _header(scope, b"authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _credential(scope: Scope) -> str:
    if token := bearer_of(scope):
        return token
    key = _header(scope, b"x-api-key").strip()
    if not key:
        raise Unauthenticated(
            "Send an API key as `Authorization: Bearer pk_…` or in the X-API-Key header."
        )
    return key


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), "")
