"""No inbox grows for ever."""

from pathlib import Path

import pytest

from common.contracts import SERVICES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", SERVICES)
def test_who_consumes_forgets_old_events(service: str) -> None:
    package = ROOT / "services" / service / "src" / f"{service}_service"
    source = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
    assert ("Consumer(" in source) is ("inbox_tidying(" in source)
