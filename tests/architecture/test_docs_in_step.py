"""The generated docs say what the code says, and no contract was broken on the way."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from common.contracts import EVENTS
from devstack.docs.compatibility import ADVICE, broken_contracts

ROOT = Path(__file__).parents[2]


def test_no_contract_breaks_its_readers() -> None:
    broken = broken_contracts(ROOT)
    assert not broken, f"{broken}\n{ADVICE}"


def test_every_event_has_a_schema_that_was_reviewed() -> None:
    present = {p.name.removesuffix(".schema.json") for p in ROOT.glob("docs/events/*.schema.json")}
    assert present == set(EVENTS)


def test_the_docs_are_in_step_with_the_code() -> None:
    """In a process of its own: building all services configures logging for good."""
    command = [sys.executable, "-m", "devstack.docs", "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("page", sorted((ROOT / "docs/adr").glob("*.md")), ids=lambda p: p.name)
def test_a_decision_record_has_one_shape(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    number = int(page.name[:4])
    assert text.startswith(f"# {number}. ")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
    assert len(text.splitlines()) <= 40


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs/runbooks").glob("*.md")), ids=lambda p: p.name
)
def test_a_runbook_fits_on_a_screen(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 40


def test_the_notice_that_evolution_is_used_can_be_seen() -> None:
    """Evolution's licence asks for it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"uses .{0,20}Evolution API", readme)


def test_every_test_that_a_promise_names_exists() -> None:
    """Pages name tests as `path`, `path::test`, or `::another` of the path before."""
    pages = [ROOT / "README.md", ROOT / "docs/architecture.md", *ROOT.glob("docs/adr/*.md")]
    for page in pages:
        source = ROOT
        text = page.read_text(encoding="utf-8")
        for path, name in re.findall(r"`((?:\w[\w/.-]*\.py)?)(?:::(test_\w+))?`", text):
            source = ROOT / path if "/" in path else source
            if "/" in path:
                assert source.is_file(), f"{page.name} names {path}"
            if name:
                assert f"def {name}(" in source.read_text("utf-8"), f"{page.name} names {name}"
