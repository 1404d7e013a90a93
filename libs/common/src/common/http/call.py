"""What a call to a provider is made of."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict
from urllib.parse import urlencode

import orjson

from common.http.answer import ApiResponse
from common.http.rate_limit import Rate
from common.http.retry import RetryPolicy

RaiseFor = Callable[[ApiResponse], None]
"""Sees every answer that is not expected and may raise a better error than the status tells."""


@dataclass(frozen=True, slots=True)
class ApiProfile:
    """What is true of every call to one provider; times are seconds."""

    provider: str
    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0
    """Of one attempt, from connecting to the last byte."""
    deadline: float = 30.0
    """Of all attempts and the pauses between them."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rate: Rate | None = None
    raise_for: RaiseFor | None = None
    max_bytes: int = 8 * 1024 * 1024
    """The longest body we read, after decompression."""


class CallOptions(TypedDict, total=False):
    """What may differ from call to call."""

    params: Mapping[str, str | int]
    json: Any
    form: Mapping[str, str]
    content: bytes
    headers: Mapping[str, str]
    timeout: float
    deadline: float
    max_bytes: int
    expect: Collection[int]
    """Statuses besides 2xx that are returned and not raised."""
    safe_to_repeat: bool
    """Doing it twice is as good as once, whatever the method says."""
    idempotency_key: str
    """Sent as Idempotency-Key and implies safe_to_repeat: only for providers that honour it."""
    rate_key: str
    """Whose bucket pays, such as the tenant; the provider's own when absent."""
    follow_redirects: bool


def encode_body(options: CallOptions) -> tuple[str | None, bytes | None]:
    """Give the content type, when the body implies one, and the bytes."""
    if "json" in options:
        return "application/json", orjson.dumps(options["json"])
    if "form" in options:
        return "application/x-www-form-urlencoded", urlencode(options["form"]).encode()
    return None, options.get("content")
