"""Rules that no linter knows: how long a module may be, how it opens, what it may be called."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("libs", "services", "sandbox", "devstack", "bench", "tests", "deploy")
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
SAY_NOTHING = {"util", "utils", "helper", "helpers", "misc", "core", "shared", "manager", "base"}
MAY_SAY_BASE = {"libs/common/src/common/db/base.py"}
"""SQLAlchemy's own word for what tables derive from."""

MAY_BE_LONG = {"add_lane_tables", "create_lane_tables"}
"""A schema declared in one piece: cut up, it would be harder to read."""

_SENTENCE = re.compile(r"[^\s].*[.!?]")
_SECOND_SENTENCE = re.compile(r"[.!?] +[A-Z]")
_NOQA = re.compile(r"# noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*(?P<reason>.*)")
_IGNORE = re.compile(r"# type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\](?P<reason>.*)")
_WORDS = re.compile(r"[a-z]{2,}", re.IGNORECASE)

MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def comments(path: Path) -> Iterator[tuple[int, str]]:
    reading = io.StringIO(path.read_text(encoding="utf-8")).readline
    for token in tokenize.generate_tokens(reading):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_the_rules_look_at_every_package() -> None:
    packages = {path.relative_to(ROOT).parts[0] for path in MODULES}
    assert packages >= {"libs", "services", "sandbox", "devstack", "bench", "tests"}
    assert len(MODULES) > 200


def test_no_module_is_longer_than_a_person_reads() -> None:
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    long = {name: length for name, length in lengths.items() if length > LONGEST_MODULE}
    assert not long, f"over {LONGEST_MODULE} lines, split by what they are about: {long}"


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{named(path)}:{node.lineno} {node.name}: {length} lines"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name not in MAY_BE_LONG
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert not long, f"over {LONGEST_FUNCTION} lines: {long}"


def test_every_module_opens_with_one_sentence() -> None:
    wrong = []
    for path in MODULES:
        first, *_ = (ast.get_docstring(tree(path), clean=False) or "").splitlines() or [""]
        if not _SENTENCE.fullmatch(first) or _SECOND_SENTENCE.search(first):
            wrong.append(f"{named(path)}: {first!r}")
    assert not wrong, f"the first line of each module is one sentence about it: {wrong}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = [
        named(path)
        for path in MODULES
        if SAY_NOTHING & {path.stem, *path.relative_to(ROOT).parts[:-1]}
        and named(path) not in MAY_SAY_BASE
    ]
    assert not empty, f"name it for what is in it: {empty}"


@pytest.mark.parametrize(("mark", "shape"), [("# noqa", _NOQA), ("# type: ignore", _IGNORE)])
def test_every_exception_to_a_rule_names_the_rule_and_the_reason(
    mark: str, shape: re.Pattern[str]
) -> None:
    bare = [
        f"{named(path)}:{line} {comment}"
        for path in MODULES
        for line, comment in comments(path)
        if mark in comment
        and not ((found := shape.search(comment)) and _WORDS.search(found["reason"]))
    ]
    assert not bare, f"say in the same comment why the rule does not fit: {bare}"


def test_the_layout_of_a_service_is_the_same_everywhere() -> None:
    """What import-linter cannot see: the files that are no modules."""
    for service in (ROOT / "services").iterdir():
        package = service / "src" / f"{service.name}_service"
        for name in ("__init__.py", "__main__.py", "settings.py", "tables.py", "py.typed"):
            assert (package / name).is_file(), f"{service.name} lacks {name}"
        assert (package / "app.py").is_file() or (package / "app").is_dir()
        assert (service / "README.md").is_file(), f"{service.name} lacks its one page"
        assert list((package / "migrations/versions").glob("2*_*.py"))
