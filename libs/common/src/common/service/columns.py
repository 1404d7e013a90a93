"""What an operator reads: rows as columns, times as ages; or JSON for a machine."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LONGEST_CELL = 100


def say(*lines: str) -> None:
    """Print sentences."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def as_json(value: Any) -> str:
    """Write one JSON value on one line."""
    return orjson.dumps(value).decode()


def table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Lay rows out in columns; a cell is one line, and the last column is as wide as it likes."""
    cells = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(titles) - 1)]
    return [
        "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in cells
    ]


def _cell(value: Any) -> str:
    text = " ".join(str("" if value is None else value).split())
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def ago(moment: datetime | None, now: datetime) -> str:
    """Say how long ago something was, or how far ahead it lies: `3 min`, `in 20 s`."""
    if moment is None:
        return ""
    away = now - moment
    return f"in {_span(-away)}" if away < timedelta(0) else _span(away)


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
