"""Where a number stands and which of its addresses are believed, as pure rules."""

from datetime import UTC, datetime, timedelta

import pytest

from common.contracts import AgentId, ConnectionState, IntegrationId, TenantId
from common.errors import InvalidInput
from whatsapp_service.domain.model import (
    Account,
    Integration,
    Patience,
    Sighting,
    Traffic,
    Transport,
    judge,
    phone_digits,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUIET, DEAD, REFUSED = Traffic(0, 0, 0), Traffic(3, 0, 0), Traffic(3, 1, 1)
STATES = ConnectionState


def a_number(state: ConnectionState, *, seconds: float = 30, **more: object) -> Integration:
    facts = {
        "id": IntegrationId("int_1"),
        "tenant": TenantId("ten_1"),
        "agent_id": AgentId("agt_1"),
        "instance": "parley-1",
        "state": state,
        "generation": 3,
        "updated_at": NOW - timedelta(seconds=seconds),
    }
    return Integration(**{**facts, **more})  # type: ignore[arg-type]  # a table of facts


@pytest.mark.parametrize(
    ("known", "seconds", "seen", "traffic", "becomes"),
    [
        ("open", 30, "open", QUIET, None),
        ("open", 30, "open", DEAD, "degraded"),
        ("open", 30, "open", REFUSED, "degraded"),
        ("open", 30, "open", Traffic(3, 1, 0), None),
        ("degraded", 30, "open", QUIET, None),
        ("closed", 30, "open", QUIET, "open"),
        ("needs_scan", 30, "open", QUIET, "open"),
        ("closed", 2, "open", QUIET, None),
        ("open", 30, "connecting", QUIET, "connecting"),
        ("degraded", 30, "connecting", QUIET, "connecting"),
        ("connecting", 30, "connecting", QUIET, None),
        ("connecting", 61, "connecting", QUIET, "closed"),
        ("qr", 600, "connecting", QUIET, None),
        ("closed", 600, "connecting", QUIET, None),
        ("open", 30, "needs_scan", QUIET, "needs_scan"),
        ("qr", 30, "closed", QUIET, "closed"),
        ("needs_scan", 30, "closed", QUIET, None),
        ("refused", 30, "closed", QUIET, None),
        ("deleted", 30, "closed", QUIET, None),
    ],
)
def test_what_is_seen_is_weighed_against_what_is_known(
    known: str, seconds: float, seen: str, traffic: Traffic, becomes: str | None
) -> None:
    number = a_number(STATES(known), seconds=seconds)
    found = judge(number, Sighting(STATES(seen), "why"), traffic, NOW, Patience())
    assert (None if found is None else found[0]) == becomes


def test_an_address_is_believed_in_its_time() -> None:
    number = a_number(STATES.OPEN, previous_until=NOW + timedelta(minutes=1))
    assert [g for g in range(6) if number.believes(g, NOW)] == [2, 3]
    assert [g for g in range(6) if number.believes(g, NOW + timedelta(minutes=2))] == [3]
    assert [g for g in range(6) if a_number(STATES.OPEN).believes(g, NOW)] == [3]


def test_a_phone_is_digits_with_its_country() -> None:
    assert phone_digits(" +55 (11) 98888-0001") == "5511988880001"
    for wrong in ("", "hello", "0119888", "+", "55119888800011234567", "5511x98888"):
        with pytest.raises(InvalidInput):
            phone_digits(wrong)


def test_the_cloud_api_needs_both_its_ids() -> None:
    with pytest.raises(InvalidInput, match="business_id"):
        Account(Transport.CLOUD_API, "106540352242922")
