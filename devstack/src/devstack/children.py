"""Child processes that never outlive us: each logs to a file and dies when its parent does."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.errors import StackError

_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 16_384
# PyDLL keeps the interpreter lock: the call happens between fork and exec, where taking it again
# could wait for a thread that no longer exists.
_LIBC = ctypes.PyDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Owner:
    """The operating system user a child runs as, when that is not us."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """What `subprocess` needs to switch to this user before it runs anything."""
        return {"user": self.uid, "group": self.gid, "extra_groups": ()}


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and how it is asked to stop."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    owner: Owner | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM


@dataclass(slots=True)
class Child:
    """A running process."""

    command: Command
    process: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def name(self) -> str:
        """What the process is called on the screen and in its log's name."""
        return self.command.name

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self.process.poll()

    def tail(self, lines: int = 20) -> str:
        """The end of its log."""
        with self.command.log.open("rb") as log:
            log.seek(max(0, self.command.log.stat().st_size - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def require_alive(self) -> None:
        """Check that it still runs.

        Raises:
            StackError: it ended; the message carries the end of its log.
        """
        if self.exit_code is not None:
            raise StackError(self.obituary())

    def obituary(self) -> str:
        """One sentence on how it ended, then the end of its log."""
        return (
            f"{self.name} ended by itself with code {self.exit_code}; the end of"
            f" {self.command.log} says:\n{self.tail()}"
        )

    def stop(self, grace: float = 10.0) -> None:
        """Ask it to stop, wait up to `grace` seconds, then kill it. Stopping twice is harmless."""
        if self.exit_code is not None:
            return
        self.process.send_signal(self.command.stop_signal)
        try:
            self.process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(command: Command) -> Child:
    """Start a process in a session of its own, its output appended to its log.

    A session of its own keeps the terminal's Ctrl-C from it, so that we stop children in order.
    On Linux the kernel signals the child when the thread that called this function ends, however
    it ends: call it from a thread that lives as long as the child should.

    Raises:
        StackError: the program is not there or may not be run.
    """
    command.log.parent.mkdir(parents=True, exist_ok=True)
    owner = command.owner.popen_arguments() if command.owner else {}
    with command.log.open("ab") as log:
        try:
            process = subprocess.Popen(
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.environment) if command.environment is not None else None,
                cwd=command.folder,
                start_new_session=True,
                preexec_fn=_die_with_parent(command.orphan_signal),  # noqa: PLW1509 - one system call
                **owner,
            )
        except OSError as error:
            raise StackError(f"{command.name} cannot be started: {error}.") from error
    return Child(command, process)


def _die_with_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    libc = _LIBC
    if libc is None:
        return None
    parent = os.getpid()

    def tie() -> None:
        # After the change of user: changing it clears the tie.
        libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie
