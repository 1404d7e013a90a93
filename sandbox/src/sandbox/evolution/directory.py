"""Who has WhatsApp and who has not, and under which address WhatsApp knows a number."""

from __future__ import annotations

from sandbox.evolution.jids import is_person, to_jid


class Directory:
    """The outside world's address book; everybody has WhatsApp until told otherwise."""

    def __init__(self) -> None:
        self._missing: set[str] = set()
        self._known_as: dict[str, str] = {}
        self._lids: dict[str, str] = {}

    def look_up(self, number: str) -> tuple[str, bool]:
        """Return the address WhatsApp answers with, and whether it exists."""
        jid = to_jid(number)
        if not is_person(jid):
            return jid, True
        if jid == "@s.whatsapp.net" or jid in self._missing:
            return jid, False
        return self._known_as.get(jid, jid), True

    def lid_of(self, jid: str) -> str | None:
        """Return the person's privacy id, if one was seen."""
        return self._lids.get(jid)

    def remove(self, number: str) -> None:
        """Let a number have no WhatsApp."""
        self._missing.add(to_jid(number))

    def restore(self, number: str) -> None:
        """Let a number have WhatsApp again."""
        self._missing.discard(to_jid(number))

    def rename(self, number: str, known_as: str) -> None:
        """Let WhatsApp know a number under another address."""
        address = known_as if "@" in known_as else f"{known_as}@s.whatsapp.net"
        self._known_as[to_jid(number)] = address

    def remember_lid(self, jid: str, lid: str) -> None:
        """Tie a privacy id to a phone address."""
        self._lids[jid] = lid

    def row(self) -> dict[str, object]:
        """Describe it for the control door."""
        return {"missing": sorted(self._missing), "known_as": dict(self._known_as)}

    def clear(self) -> None:
        """Let everybody have WhatsApp again."""
        self._missing.clear()
        self._known_as.clear()
        self._lids.clear()
