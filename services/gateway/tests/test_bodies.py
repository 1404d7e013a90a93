"""What is accepted as a webhook's body, and what is taken out of it."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Malformed
from gateway_service.domain.model.webhooks import instance_of, read_body


def nested(levels: int) -> bytes:
    """A body of so many levels, the outermost included."""
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def test_the_providers_secrets_are_taken_out() -> None:
    raw = b'{"event":"x","apikey":"s3cret","api_key":"global","data":{"apikey":"kept"}}'

    assert read_body(raw, max_depth=100) == {"event": "x", "data": {"apikey": "kept"}}


@pytest.mark.parametrize("raw", [b"", b"{", b"nonsense", b'{"a":NaN}', b"\xff", b'{"a":"\\ud8"}'])
def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        read_body(raw, max_depth=100)


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"[{}]"])
def test_what_is_not_an_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed, match="must be a JSON object"):
        read_body(raw, max_depth=100)


@pytest.mark.parametrize("levels", [101, 1000, 1024, 1025, 100_000])
def test_too_deep_names_the_limit(levels: int) -> None:
    with pytest.raises(Malformed, match="limit of 100 levels"):
        read_body(nested(levels), max_depth=100)


def test_too_deep_in_an_array_counts_as_well() -> None:
    raw = b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"

    with pytest.raises(Malformed, match="limit of 100 levels"):
        read_body(raw, max_depth=100)


def test_the_deepest_that_is_allowed_is_allowed() -> None:
    assert read_body(nested(100), max_depth=100)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    body = {"data": [{"a": [1]} for _ in range(1000)], "text": "{[" * 1000}

    assert read_body(orjson.dumps(body), max_depth=3 + 1) == body


def test_half_an_emoji_does_not_lose_the_message() -> None:
    raw = b'{"text":"cut \\uD83D","whole":"\\ud83d\\ude00"}'

    assert read_body(raw, max_depth=100) == {"text": "cut ?", "whole": "😀"}


def test_half_an_emoji_does_not_hide_depth() -> None:
    raw = b'{"a":"\\ud83d","b":' + nested(100_000) + b"}"

    with pytest.raises(Malformed, match="limit of 100 levels"):
        read_body(raw, max_depth=100)


leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=30,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(child) for child in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(child) for child in value), default=0)
    return 0


@given(trees, st.integers(1, 6))
def test_depth_is_judged_as_a_person_would_count_it(tree: Any, limit: int) -> None:
    body = {"data": tree}
    raw = json.dumps(body).encode()

    if depth(body) > limit:
        with pytest.raises(Malformed):
            read_body(raw, max_depth=limit)
    else:
        assert read_body(raw, max_depth=limit) == body


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"instance": "shop-1"}, "shop-1"),
        ({}, ""),
        ({"instance": None}, ""),
        ({"instance": 7}, ""),
        ({"instance": {"a": 1}}, ""),
        ({"instance": "x" * 256}, ""),
        ({"instance": "a\0b"}, ""),
    ],
)
def test_the_instance_is_what_can_be_one(body: dict[str, Any], name: str) -> None:
    assert instance_of(body) == name
