"""A webhook's body: what we accept as one, and whose it is."""

import json
from typing import Any, NamedTuple

import orjson

from common.contracts import IntegrationId, TenantId
from common.errors import Malformed

_LONGEST_INSTANCE = 255
_SECRETS = ("apikey", "api_key")
"""Evolution puts the instance's token into every body, the server's own into its error webhook
(provider notes, evolution.md §2.1); neither may reach Kafka."""
_LONE_SURROGATE = rb"\ud"


class Origin(NamedTuple):
    """Whose webhook it is, as far as its address tells."""

    tenant: TenantId
    integration_id: IntegrationId | None
    generation: int | None


SHARED = Origin(TenantId(""), None, None)
"""The route that all instances share: only the body says whose it is."""


def read_body(raw: bytes, *, max_depth: int) -> dict[str, Any]:
    """Read a JSON object and take the provider's secrets out of it.

    Raises:
        Malformed: not JSON, no object, or nested too deep.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as failure:
        if "depth limit" in str(failure):
            raise _too_deep(max_depth) from None
        value = _read_leniently(raw, max_depth)
    if type(value) is not dict:
        raise Malformed("The body must be a JSON object.")
    # Counting bytes is a hundred times cheaper than walking, and acquits nearly everybody.
    if raw.count(b"{") + raw.count(b"[") > max_depth and _is_deeper(value, max_depth):
        raise _too_deep(max_depth)
    for name in _SECRETS:
        value.pop(name, None)
    return value


def instance_of(body: dict[str, Any]) -> str:
    """Name the instance that a body says it is from; empty when it names none."""
    name = body.get("instance")
    if type(name) is not str or len(name) > _LONGEST_INSTANCE or "\0" in name:
        return ""
    return name


def _read_leniently(raw: bytes, max_depth: int) -> Any:
    r"""Read what JavaScript writes and orjson refuses: half an emoji, as `\ud83d`.

    WhatsApp cuts previews in the middle of a character. Answering 400 would make Evolution
    drop the message for ever, so the half becomes a question mark.
    """
    if _LONE_SURROGATE not in raw.lower():
        raise Malformed("The body is not JSON.")
    try:
        text = json.dumps(json.loads(raw), ensure_ascii=False, allow_nan=False)
        return orjson.loads(text.encode("utf-8", "replace"))
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError:
        raise Malformed("The body is not JSON.") from None


def _is_deeper(value: dict[str, Any], limit: int) -> bool:
    """Walk level by level, so that depth costs no stack."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _too_deep(limit: int) -> Malformed:
    return Malformed(f"The body is nested deeper than the limit of {limit} levels.")
