"""The local stack's own secrets: made once, kept in one file that only its owner can read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_urlsafe

from common.auth.internal_tokens import generate_internal_key
from common.auth.keys import generate_keyring
from devstack.errors import StackError


@dataclass(slots=True)
class SecretStore:
    """Everything secret about one clone's stack; a name asked for the first time is made up."""

    path: Path
    passwords: dict[str, str] = field(default_factory=dict)
    keyrings: dict[str, str] = field(default_factory=dict)
    internal: dict[str, list[str]] = field(default_factory=dict)

    def password(self, name: str) -> str:
        """A random 256-bit string."""
        return self.passwords.setdefault(name, token_urlsafe(32))

    def keyring(self, name: str) -> str:
        """A keyring of one key, `k1:<base64 of 32 bytes>`."""
        return self.keyrings.setdefault(name, generate_keyring())

    def internal_key(self, service: str) -> tuple[str, str]:
        """A service's Ed25519 key: private, public."""
        private, public = self.internal.setdefault(service, list(generate_internal_key()))
        return private, public

    def save(self) -> None:
        """Write the file, readable by its owner only."""
        kept = {name: value for name, value in asdict(self).items() if name != "path"}
        write_private(self.path, kept)


def load(path: Path) -> SecretStore:
    """Read the store, or begin an empty one.

    Raises:
        StackError: the file is there and is not what `save` wrote.
    """
    if not path.exists():
        return SecretStore(path)
    try:
        return SecretStore(path, **json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise StackError(
            f"{path} cannot be read ({error}): remove the folder {path.parent}, then start again."
        ) from error


def write_private(path: Path, content: object) -> None:
    """Write JSON to a file that is never, not even for a moment, readable by others."""
    arriving = path.with_suffix(".new")
    arriving.unlink(missing_ok=True)
    with os.fdopen(os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    arriving.replace(path)
