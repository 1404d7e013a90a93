"""Who may deliver a webhook: told from the headers, before a byte of the body is read."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from pydantic import SecretStr
from starlette.types import Scope

from common.auth import Capabilities, secrets_equal, verify_evolution_jwt
from common.contracts import IntegrationId, TenantId
from common.errors import NotFound, Unauthenticated
from gateway_service.api.front import PUBLIC_ID
from gateway_service.domain.model.webhooks import SHARED, Origin

_REMEMBERED = 10_000
_EVOLUTION = "evolution"

Given = Mapping[bytes, bytes]
"""A request's headers; of one sent twice, the last."""


class Gate(Protocol):
    """Lets a provider in, or nobody."""

    def admit(self, scope: Scope, given: Given) -> Origin:
        """Say whose webhook it is.

        Raises:
            NotFound: there is no such address.
            Unauthenticated: the secret is missing or wrong.
        """


class SharedGate:
    """One secret for all instances."""

    def __init__(self, secret: SecretStr, clock: Callable[[], float]) -> None:
        self._secret = _Secret.of(secret.get_secret_value())
        self._clock = clock

    def admit(self, scope: Scope, given: Given) -> Origin:  # noqa: ARG002 - the port's
        """Check the shared secret."""
        _require(given, self._secret, self._clock)
        return SHARED


class InboundGate:
    """An address of its own for each integration, and a secret derived from it."""

    def __init__(self, capabilities: Capabilities, clock: Callable[[], float]) -> None:
        self._capabilities = capabilities
        self._clock = clock
        self._known: dict[str, _Address] = {}

    def admit(self, scope: Scope, given: Given) -> Origin:
        """Open the address and check its secret; other providers than Evolution come later."""
        address = self._address(scope["path_params"][PUBLIC_ID])
        _require(given, address.secret, self._clock)
        if address.provider != _EVOLUTION:
            raise NotFound("There is no such webhook address.")
        return address.origin

    def _address(self, public_id: str) -> "_Address":
        known = self._known.get(public_id)
        if known is not None:
            return known
        capability = self._capabilities.read(public_id)
        secret = _Secret.of(self._capabilities.secret(public_id))
        origin = Origin(
            TenantId(capability.tenant_id),
            IntegrationId(capability.integration_id),
            capability.generation,
        )
        if len(self._known) >= _REMEMBERED:
            # All at once, rarely: cheaper than keeping an order on every webhook.
            self._known.clear()
        # Only what opened is remembered, so nobody can fill this by guessing.
        known = self._known[public_id] = _Address(origin, capability.provider, secret)
        return known


class _Secret(NamedTuple):
    text: str
    raw: bytes

    @classmethod
    def of(cls, text: str) -> "_Secret":
        return cls(text, text.encode())

    def __repr__(self) -> str:
        return "_Secret(***)"


class _Address(NamedTuple):
    origin: Origin
    provider: str
    secret: _Secret


def _require(given: Given, secret: _Secret, clock: Callable[[], float]) -> None:
    if secrets_equal(given.get(b"x-webhook-secret"), secret.raw):
        return
    authorization = given.get(b"authorization")
    if authorization is None:
        raise Unauthenticated("The webhook's secret is missing or wrong.")
    verify_evolution_jwt(authorization.decode("latin-1"), secret.text, clock())
