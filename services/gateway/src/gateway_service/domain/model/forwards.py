"""Which paths of the public API belong to which service, and what a caller needs for them."""

from dataclasses import dataclass

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Forward:
    """A path and everything below it."""

    path: str
    """May hold `{placeholders}` for one segment each."""
    service: str
    area: str
    """The area of the scopes: `<area>:read` to look, `<area>:write` to change."""

    def scope_for(self, method: str) -> str:
        """Name the scope that a method needs."""
        return f"{self.area}:{'read' if method in _READING else 'write'}"


FORWARDS = (
    Forward("/api/agents/{agent_id}/channels", "whatsapp", "channels"),
    Forward("/api/integrations/whatsapp", "whatsapp", "channels"),
    Forward("/api/chats", "whatsapp", "conversations"),
    Forward("/api/lanes", "whatsapp", "conversations"),
    Forward("/api/agents", "agent", "agents"),
    Forward("/api/conversations", "agent", "conversations"),
    Forward("/api/usage", "agent", "agents"),
    Forward("/api/events", "google", "google"),
    Forward("/api/leads", "google", "google"),
    Forward("/api/google", "google", "google"),
    Forward("/api/integrations/crm", "crm", "crm"),
)
"""The most specific first: the first that fits is taken."""
