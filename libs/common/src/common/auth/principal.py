"""Who is asking, as every door and every service understands it."""

from dataclasses import dataclass

from common.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Principal:
    """A proven caller: whose data, on whose behalf, and what they may do."""

    tenant_id: str
    subject: str
    """Who acts: `key:<id>`, an OIDC subject, or a service."""
    scopes: frozenset[str] = frozenset()

    def require(self, scope: str) -> None:
        """Pass only with this scope.

        Raises:
            Forbidden: naming the scope that is missing.
        """
        if scope not in self.scopes:
            raise Forbidden(
                f"This needs the scope {scope}.", hint="Ask for a key or a role that carries it."
            )
