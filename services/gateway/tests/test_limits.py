"""Token buckets."""

import pytest

from common.errors import HeldBack, RateLimited
from gateway_service.domain.model.limits import Allowances, InFlight, Room


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    allowances = Allowances(per_second=2, burst=3)

    assert [allowances.allows("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert [allowances.allows("a", 1.0) for _ in range(3)] == [True, True, False]


def test_names_do_not_share() -> None:
    allowances = Allowances(per_second=1, burst=1)

    assert allowances.allows("a", 0.0)
    assert allowances.allows("b", 0.0)
    assert not allowances.allows("a", 0.0)


def test_no_more_than_a_burst_is_saved_up() -> None:
    allowances = Allowances(per_second=10, burst=2)
    allowances.allows("a", 0.0)

    assert [allowances.allows("a", 1000.0) for _ in range(3)] == [True, True, False]


def test_the_refusal_says_when_to_come_again() -> None:
    allowances = Allowances(per_second=0.25, burst=1)
    allowances.spend("a", 0.0)

    with pytest.raises(RateLimited) as refused:
        allowances.spend("a", 0.0)

    assert refused.value.retry_after is not None
    assert refused.value.retry_after.total_seconds() == 4
    allowances.spend("a", 4.0)


def test_the_idle_are_forgotten_when_there_are_many() -> None:
    allowances = Allowances(per_second=1, burst=1)
    for n in range(10_000):
        allowances.allows(str(n), 0.0)

    allowances.allows("new", 100.0)

    assert len(allowances._buckets) == 1


def test_a_tenant_has_so_many_under_way_and_its_neighbours_have_theirs() -> None:
    in_flight = InFlight(per_tenant=1, strangers=2)

    with in_flight.one("a"), in_flight.one("b"), in_flight.one(None), in_flight.one(None):
        for full in ("a", None):
            with (
                pytest.raises(RateLimited, match=r"limit of \d requests at once"),
                in_flight.one(full),
            ):
                pass


def test_what_ended_badly_is_under_way_no_more() -> None:
    in_flight = InFlight(per_tenant=1, strangers=1)

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"), in_flight.one("a"):
            raise ValueError("broken")

    assert in_flight._counts == {}


def test_large_bodies_share_their_room_and_one_alone_always_fits() -> None:
    room = Room(each=300, together=100)

    with room.taken() as take:
        take(150)
        take(120)
        with room.taken() as another, pytest.raises(HeldBack):
            another(1)
        take(300)
        assert room.held == 300
    with room.taken() as take, room.taken() as another:
        take(60)
        another(40)
        with pytest.raises(HeldBack):
            another(41)
        assert room.held == 100
    assert room.held == 0
