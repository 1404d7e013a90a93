"""Who runs the stack of this clone now: one session at a time, found by a file lock."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.environment import HTTP
from devstack.errors import StackError
from devstack.places import Places, make_folder
from devstack.secret_store import write_private


@dataclass(frozen=True, slots=True)
class Session:
    """What a running stack tells other processes about itself."""

    pid: int
    broker: str
    ports: dict[str, int]
    environment: dict[str, str]

    def url(self, name: str) -> str:
        """The base address of a service or of the sandbox."""
        return f"http://127.0.0.1:{self.ports[name]}"


def _lock_path(places: Places) -> Path:
    return places.state / "lock"


def _session_path(places: Places) -> Path:
    return places.state / "session.json"


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Hold this clone's stack for ourselves.

    Raises:
        StackError: another process runs it.
    """
    make_folder(places.state)
    with _lock_path(places).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StackError(
                "The stack of this clone is already running: use it"
                " (`.venv/bin/python -m devstack env`) or stop it with `make down`."
            ) from error
        retire(places)  # what a crashed session left must not pass for ours while we start
        yield


def announce(places: Places, session: Session) -> None:
    """Write down the running session; the file holds secrets and is the owner's only."""
    content = {name: getattr(session, name) for name in Session.__slots__}
    write_private(_session_path(places), content)


def held(places: Places) -> bool:
    """Say whether a process holds this clone's stack."""
    path = _lock_path(places)
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def running(places: Places) -> Session | None:
    """The session that runs and is ready, if there is one."""
    session = _read(places) if held(places) else None
    return session if session and session.pid else None


def required(places: Places) -> Session:
    """The session that runs.

    Raises:
        StackError: none does.
    """
    session = running(places)
    if session is None:
        raise StackError("No stack runs in this clone: start one with `make up`.")
    return session


def last_ports(places: Places) -> dict[str, int]:
    """The ports of the last session: using them again keeps addresses in browsers valid."""
    session = _read(places)
    return session.ports if session else {}


def retire(places: Places) -> None:
    """Keep the last session's ports, drop its secrets and its process."""
    session = _read(places)
    if session:
        announce(places, Session(0, session.broker, session.ports, {}))


def _read(places: Places) -> Session | None:
    try:
        session = Session(**json.loads(_session_path(places).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    known = {*HTTP, "postgres", "kafka", "kafka-controller"}
    return session if set(session.ports) <= known else None
