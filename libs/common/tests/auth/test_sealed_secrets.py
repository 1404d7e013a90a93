"""A sealed value opens in its own place, under a key of the ring, and nowhere else."""

import base64

import pytest

from common.auth import Keyring, generate_keyring
from common.errors import InvalidInput, NeedsOperator

OLD = generate_keyring("k1")
BOTH = f"{generate_keyring('k2')},{OLD}"
PLACE = ("google.connections.refresh_token", "ten_1")


def test_what_was_sealed_opens_in_its_place() -> None:
    keyring = Keyring.parse(OLD)

    sealed = keyring.seal("1//refresh", context=PLACE)

    assert sealed.startswith("s1.k1.")
    assert "refresh" not in sealed
    assert keyring.open(sealed, context=PLACE) == "1//refresh"


def test_the_same_value_never_looks_the_same_twice() -> None:
    keyring = Keyring.parse(OLD)

    assert keyring.seal("x", context=PLACE) != keyring.seal("x", context=PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("google.connections.refresh_token", "ten_2"),
        ("google.connections.access_token", "ten_1"),
        ("google.connections.refresh_tokente", "n_1"),
    ],
)
def test_a_value_moved_to_another_place_does_not_open(elsewhere: tuple[str, str]) -> None:
    keyring = Keyring.parse(OLD)
    sealed = keyring.seal("x", context=PLACE)

    with pytest.raises(NeedsOperator):
        keyring.open(sealed, context=elsewhere)


def test_an_altered_value_does_not_open() -> None:
    keyring = Keyring.parse(OLD)
    head, _, body = keyring.seal("x", context=PLACE).rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    raw[-1] ^= 1
    altered = base64.urlsafe_b64encode(raw).decode().rstrip("=")

    with pytest.raises(NeedsOperator):
        keyring.open(f"{head}.{altered}", context=PLACE)


@pytest.mark.parametrize("nonsense", ["", "plain", "s1.k1.", "s1.k1.!!!", "s0.k1.AAAA", "s1.k9.AA"])
def test_nonsense_is_refused_with_a_sentence(nonsense: str) -> None:
    with pytest.raises(NeedsOperator, match="sealed value"):
        Keyring.parse(OLD).open(nonsense, context=PLACE)


def test_a_new_first_key_takes_over_while_the_old_one_still_opens() -> None:
    sealed = Keyring.parse(OLD).seal("x", context=PLACE)
    rotated = Keyring.parse(BOTH)

    fresh = rotated.reseal(sealed, context=PLACE)

    assert rotated.open(sealed, context=PLACE) == "x"
    with pytest.raises(NeedsOperator, match="not in the keyring"):
        Keyring.parse(OLD).open(fresh, context=PLACE)


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        "k1",
        "k1:notbase64!",
        "k1:c2hvcnQ=",
        "UPPER:" + OLD.partition(":")[2],
        f"{OLD},{OLD}",
    ],
)
def test_a_wrong_keyring_is_refused_without_showing_the_key(spelling: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Keyring.parse(spelling)

    secret = spelling.partition(":")[2]
    assert not secret or secret not in str(refusal.value)
