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
    is_open: bool = False
    """Whether anybody may look: what stands in the path is a permission that the service checks."""

    def lets_anybody(self, method: str) -> bool:
        """Say whether a method needs no key."""
        return self.is_open and method in _READING

    def scope_for(self, method: str) -> str:
        """Name the scope that a method needs."""
        return f"{self.area}:{'read' if method in _READING else 'write'}"


FORWARDS = (
    Forward("/api/agents/{agent_id}/channels", "whatsapp", "channels"),
    Forward("/api/integrations/whatsapp", "whatsapp", "channels"),
    Forward("/api/chats", "whatsapp", "conversations"),
    Forward("/api/media", "whatsapp", "conversations"),
    Forward("/api/files", "whatsapp", "", is_open=True),
    Forward("/api/sending", "whatsapp", "channels"),
    Forward("/api/lanes", "whatsapp", "channels"),
    Forward("/api/agents", "agent", "agents"),
    Forward("/api/conversations", "agent", "conversations"),
    Forward("/api/usage", "agent", "agents"),
    Forward("/api/tools", "agent", "agents"),
    Forward("/api/media-library", "agent", "agents"),
    Forward("/api/limits", "agent", "agents"),
    Forward("/api/prices", "agent", "prices"),
    Forward("/api/events", "google", "google"),
    Forward("/api/leads", "google", "google"),
    Forward("/api/google", "google", "google"),
    Forward("/api/integrations/crm", "crm", "crm"),
)
"""The most specific first: the first that fits is taken."""
