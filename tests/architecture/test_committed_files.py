"""What may never be committed: addresses of a mirror, paths of somebody's machine, dead links."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements.in", "pyproject.toml")
# Put together here, so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile(
    "|".join(rf"(?<![\w.]){re.escape('/' + path)}\b" for path in ("work/", "root/", "tmp/parley/"))
)
_ADDRESS = re.compile(r"\w+://|--(?:extra-)?index-url|--find-links")
_LINK = re.compile(r"\]\((?!\w+://|mailto:)([^)#\s]*)(?:#[^)]*)?\)")


@cache
def committed() -> tuple[Path, ...]:
    """Every file that is in the repository, or would be with the next commit."""
    # The clone may belong to another user, as in a container.
    git = ("git", "-c", f"safe.directory={ROOT}", "ls-files", "-coz", "--exclude-standard")
    listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def texts() -> Iterator[tuple[str, str]]:
    for path in committed():
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_there_is_something_to_look_at() -> None:
    assert len(committed()) > 300


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not _ADDRESS.findall(text)


def test_every_locked_package_has_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    pinned = [block for block in blocks if "==" in block.splitlines()[0]]
    assert len(pinned) > 50
    assert [block.splitlines()[0] for block in pinned if "--hash=sha256:" not in block] == []


def test_no_path_of_a_machine_is_committed() -> None:
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert found == []


def test_no_private_key_is_committed() -> None:
    keys = re.compile("-----BEGIN (?:[A-Z]+ )?PRIVATE " + "KEY-----")
    assert [name for name, text in texts() if keys.search(text)] == []


def test_every_link_between_our_pages_leads_somewhere() -> None:
    dead = [
        f"{name} -> {target}"
        for name, text in texts()
        if name.endswith(".md")
        for target in _LINK.findall(text)
        if target and not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert dead == []
