"""The Evolution stand-in's whole state, and what every call may use of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx2

from sandbox.background import Background
from sandbox.evolution.directory import Directory
from sandbox.evolution.state import Instance
from sandbox.evolution.webhooks import Courier, Tools
from sandbox.faults import FaultBook, Point
from sandbox.ids import Ids
from sandbox.settings import AckStep, Settings
from sandbox.wire import Json, Reply


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that really went out."""

    seq: int
    instance: str
    number: str
    remote_jid: str
    key_id: str
    kind: str
    body: Json
    unseen: str | None
    at: float

    def row(self) -> Json:
        """Describe it for the control door."""
        return {
            "seq": self.seq,
            "instance": self.instance,
            "number": self.number,
            "remote_jid": self.remote_jid,
            "key_id": self.key_id,
            "kind": self.kind,
            "text": self.body.get("text", self.body.get("caption", "")),
            "body": self.body,
            "unseen": self.unseen,
            "at": self.at,
        }


@dataclass(slots=True)
class AckPlan:
    """Which levels sends reach by themselves.

    Attributes:
        steps: levels and times.
        repeat_after: seconds after which each level is told once more, as 2.3.7 does.
    """

    steps: tuple[AckStep, ...]
    repeat_after: float | None = None


@dataclass(slots=True)
class Evolution:
    """One Evolution server."""

    settings: Settings
    background: Background
    faults: FaultBook
    courier: Courier
    ids: Ids
    acks: AckPlan
    instances: dict[str, Instance] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)
    sent: list[Sent] = field(default_factory=list)
    sent_seq: int = 0
    acts: list[Json] = field(default_factory=list)
    """Edits, deletions and read marks that really reached WhatsApp."""

    @classmethod
    def start(
        cls,
        settings: Settings,
        background: Background,
        faults: FaultBook,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> Evolution:
        """Start an empty server; webhooks leave through `transport`, or the network."""
        ids = Ids()
        courier = Courier(Tools(settings, background, faults, ids), transport)
        return cls(settings, background, faults, courier, ids, AckPlan(settings.auto_acks))

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def record_sent(self, instance: Instance, number: str, key: Json, said: Json) -> None:
        """Enter a message that went out in the list of sent ones."""
        self.sent_seq += 1
        self.sent.append(
            Sent(
                seq=self.sent_seq,
                instance=instance.name,
                number=number,
                remote_jid=key["remoteJid"],
                key_id=key["id"],
                **said,
                at=self.now(),
            )
        )

    def record_act(self, instance: Instance, act: str, key: Json, text: str = "") -> None:
        """Enter what was done to a message in the list of acts."""
        row: Json = {"instance": instance.name, "act": act, "key_id": key["id"], "text": text}
        self.acts.append(row | {"remote_jid": key["remoteJid"], "at": self.now()})

    def reset(self) -> None:
        """Return to an empty server; instances vanish without any event."""
        self.instances.clear()
        self.directory.clear()
        self.courier.clear()
        self.sent.clear()
        self.sent_seq = 0
        self.acts.clear()
        self.acks = AckPlan(self.settings.auto_acks)


@dataclass(slots=True)
class Ask:
    """One call that passed the guards.

    Attributes:
        evolution: the server.
        body: the JSON body; empty when there was none.
        query: the query string.
        is_global: whether the global key was used rather than an instance token.
        apikey: the key that came with it.
        found: the instance that the path names, if it names one.
        point: where faults that the call itself acts out may strike.
    """

    evolution: Evolution
    body: Json
    query: dict[str, str]
    is_global: bool
    apikey: str
    found: Instance | None
    point: Point

    @property
    def instance(self) -> Instance:
        """The instance that the path names.

        Raises:
            LookupError: the route has no instance; a mistake of the stand-in.
        """
        if self.found is None:
            raise LookupError("this route names no instance")
        return self.found


Handler = Callable[[Ask], Awaitable[Reply]]
