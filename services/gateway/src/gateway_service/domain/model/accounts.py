"""Tenants, their API keys, and what a key may do."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from common.contracts import TenantId
from common.errors import InvalidInput, Unauthenticated

EVERYTHING = "*"
AREAS = ("agents", "channels", "conversations", "crm", "google", "keys")
SCOPES = frozenset(f"{area}:{verb}" for area in AREAS for verb in ("read", "write"))
"""Every scope there is; `*` means all of them, also those of a later version."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A business that uses Parley."""

    id: TenantId
    name: str
    created_at: datetime
    suspended_at: datetime | None = None
    """Since when its keys are refused; what customers write is received all the same."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An API key as we keep it: its secret only as a hash."""

    id: str
    tenant: TenantId
    name: str
    hash: str = field(repr=False)
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    suspended: bool = False
    """Whether its tenant is; known only where a key is looked up to be believed."""

    def require_usable(self, now: datetime) -> None:
        """Pass only while the key is neither revoked nor expired, nor its tenant suspended.

        Raises:
            Unauthenticated: saying which.
        """
        if self.revoked_at is not None:
            raise Unauthenticated("The API key was revoked.")
        if self.expires_at is not None and now >= self.expires_at:
            raise Unauthenticated("The API key has expired.")
        if self.suspended:
            raise suspended()


def suspended() -> Unauthenticated:
    """Make the refusal of whoever comes from a suspended tenant."""
    return Unauthenticated("The tenant is suspended.", hint="Ask who runs this Parley.")


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Give scopes as they are stored.

    Raises:
        InvalidInput: none, or one that does not exist.
    """
    asked = frozenset(scope.strip() for scope in scopes) - {""}
    unknown = sorted(asked - SCOPES - {EVERYTHING})
    if unknown or not asked:
        what = f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope."
        raise InvalidInput(what, hint=f"Choose from {', '.join(sorted(SCOPES))}, or *.")
    return asked


def granted(scopes: frozenset[str]) -> frozenset[str]:
    """Spell `*` out: what a key with these scopes may do."""
    return SCOPES if EVERYTHING in scopes else scopes
