"""A tenant's API key is shown once, kept as a hash, and compared in constant time."""

import pytest

from common.auth import ApiKey, Principal, secrets_equal
from common.errors import Forbidden, Unauthenticated


def test_a_key_matches_its_own_hash_only() -> None:
    key, other = ApiKey.generate(), ApiKey.generate()

    assert ApiKey.parse(key.reveal()).matches(key.hash)
    assert not other.matches(key.hash)
    assert not ApiKey(id=other.id, secret=key.secret).matches(key.hash)


def test_the_secret_shows_only_when_asked() -> None:
    key = ApiKey.generate()

    assert key.reveal() == f"pk_{key.id}_{key.secret}"
    assert key.secret not in repr(key)
    assert key.secret not in key.hash


@pytest.mark.parametrize(
    "text", ["", "pk_", "pk_1234_x", "sk_12345678_" + "a" * 43, "pk_12345678_"]
)
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        ApiKey.parse(text)


def test_a_key_is_told_from_another_bearer() -> None:
    assert ApiKey.recognises("pk_12345678_x")
    assert not ApiKey.recognises("eyJhbGciOi")


def test_a_missing_scope_is_named() -> None:
    with pytest.raises(Forbidden, match="agents:write"):
        Principal("ten_1", "key:1", frozenset({"agents:read"})).require("agents:write")


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [("a", "a", True), ("a", b"a", True), ("a", "b", False), ("", "", False), (None, "a", False)],
)
def test_secrets_are_equal_only_when_there_is_one(
    given: str | None, expected: str, *, same: bool
) -> None:
    assert secrets_equal(given, expected) is same
