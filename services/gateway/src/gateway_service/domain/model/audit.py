"""Who did what, when, and how it ended."""

from dataclasses import dataclass
from datetime import datetime

from common.contracts import TenantId

NOBODY = TenantId("-")
"""The tenant of a call whose caller stayed unknown; no session is ever about it."""

_FIRST_REFUSAL = 400
_FIRST_FAILURE = 500


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log."""

    id: str
    tenant: TenantId
    at: datetime
    subject: str
    """Who: `key:<id>`, an OIDC subject, `cli`, or `unknown`."""
    action: str
    """What: method and path, or a verb of the command line."""
    request_id: str
    status: int
    """The HTTP status that the caller got; 499 when the connection broke first."""

    @property
    def outcome(self) -> str:
        """`done`, `refused` by us or the service, or `failed`."""
        if self.status < _FIRST_REFUSAL:
            return "done"
        return "refused" if self.status < _FIRST_FAILURE else "failed"
