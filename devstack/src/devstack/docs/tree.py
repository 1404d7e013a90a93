"""All generated files together: what they should say, and what differs."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.docs import asyncapi, flow, kubernetes, openapi, schemas, variables

_STORY = "docs/architecture.md"
_ALL_OURS = ("docs/openapi", "docs/events", *kubernetes.FOLDERS)
"""Folders in which every file is generated: another one there is a left-over."""


def expected(root: Path) -> Mapping[str, str]:
    """Give the content every generated file should have, by its path."""
    story = (root / _STORY).read_text(encoding="utf-8")
    return {
        **openapi.documents(),
        **schemas.documents(),
        "docs/events/asyncapi.yaml": asyncapi.document(root),
        **variables.documents(),
        **kubernetes.documents(),
        _STORY: flow.drawn_into(story),
    }


def left_over(root: Path, wanted: Mapping[str, str]) -> list[str]:
    """Name files that stand among the generated ones and are not."""
    found = (p for folder in _ALL_OURS for p in (root / folder).rglob("*") if p.is_file())
    return sorted({str(path.relative_to(root)) for path in found} - set(wanted))


def differences(root: Path, wanted: Mapping[str, str]) -> Iterator[str]:
    """Show, as a unified diff, how the files differ from what they should say."""
    for name, content in wanted.items():
        path = root / name
        present = path.read_text(encoding="utf-8") if path.is_file() else ""
        yield from difflib.unified_diff(
            present.splitlines(),
            content.splitlines(),
            f"{name} (checked in)",
            f"{name} (code)",
            lineterm="",
        )
    for name in left_over(root, wanted):
        yield f"{name}: nothing in the code asks for this file"


def write(root: Path, wanted: Mapping[str, str]) -> list[str]:
    """Write what differs, remove what is left over; returns the paths that changed."""
    changed = []
    for name, content in wanted.items():
        path = root / name
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        changed.append(name)
    for name in left_over(root, wanted):
        (root / name).unlink()
        changed.append(name)
    return changed
