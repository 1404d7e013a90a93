"""A deterministic estimate of tokens: four bytes each, and a little for every item."""

from __future__ import annotations

from typing import Any

import orjson

ITEM_TOKENS = 4
IMAGE_TOKENS = 85
_BYTES_PER_TOKEN = 4
_CACHE_STEP = 128
_CACHE_FLOOR = 1024


def count(text: str) -> int:
    """Return the tokens of a text; an empty one has none."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def count_json(value: Any) -> int:
    """Return the tokens of a JSON value, for tools and schemas."""
    return -(-len(orjson.dumps(value)) // _BYTES_PER_TOKEN) if value else 0


def cached(previous: str, current: str) -> int:
    """Return how many leading tokens two prompts share, as prompt caching bills them.

    Nothing below 1024 tokens, then in steps of 128.
    """
    shared = 0
    limit = min(len(previous), len(current))
    if previous[:limit] == current[:limit]:
        shared = limit
    else:
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            if previous[:middle] == current[:middle]:
                low = middle
            else:
                high = middle - 1
        shared = low
    tokens = count(current[:shared])
    return tokens // _CACHE_STEP * _CACHE_STEP if tokens >= _CACHE_FLOOR else 0
