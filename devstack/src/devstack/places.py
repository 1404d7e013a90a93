"""Where the local stack keeps things, all of it inside the clone and ignored by git."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StackError

_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one clone."""

    root: Path

    @property
    def state(self) -> Path:
        """What `up` and `demo` write: data, logs, secrets, demo.json."""
        return self.root / ".devstack"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.state / "logs"

    @property
    def objects(self) -> Path:
        """The object store's folder."""
        return self.state / "objects"

    @property
    def kafka(self) -> Path:
        """The broker's jars, a formatted empty log directory, and the class archive."""
        return self.root / ".kafka"


def here() -> Places:
    """Name the clone this package is installed from (the install is editable)."""
    return Places(Path(__file__).resolve().parents[3])


def require_disk_space(path: Path, needed: int = _FREE_BYTES) -> None:
    """Check that there is room for data and logs.

    Raises:
        StackError: less than `needed` bytes are free on the disk that holds `path`.
    """
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise StackError(
            f"Only {free / 1024**3:.1f} GB are free where {existing} lies and the local stack"
            f" needs {needed / 1024**3:.0f} GB: delete something there, then start again."
        )


def make_folder(path: Path) -> Path:
    """Create a folder with its parents.

    Raises:
        StackError: this user may not write there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"The folder {path} cannot be created ({error.strerror}): run from a clone that"
            " you own, or remove what another user left there."
        ) from error
    if not os.access(path, os.W_OK):
        raise StackError(
            f"The folder {path} belongs to another user: remove it, or run as that user."
        )
    return path


def put_away_logs(places: Places) -> None:
    """Begin with empty logs; the last session's are kept in `logs/previous`, older ones not."""
    previous = make_folder(places.logs) / "previous"
    shutil.rmtree(previous, ignore_errors=True)
    previous.mkdir()
    for log in places.logs.glob("*.log"):
        log.rename(previous / log.name)
