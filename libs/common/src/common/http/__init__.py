"""Calling other people's HTTP APIs, civilly and safely."""

from common.http.answer import ApiResponse
from common.http.breaker import BreakerPolicy, Breakers, BreakerState
from common.http.call import ApiProfile, CallOptions, RaiseFor
from common.http.client import ApiClient
from common.http.guarded_transport import GuardedTransport, PooledTransport
from common.http.network import AsyncioBackend
from common.http.rate_limit import Rate, RateLimiter
from common.http.retry import RetryPolicy, parse_retry_after
from common.http.ssrf import SsrfGuard
from common.http.wire import LIMITS, Observer, Wire, open_wire

__all__ = [
    "LIMITS",
    "ApiClient",
    "ApiProfile",
    "ApiResponse",
    "AsyncioBackend",
    "BreakerPolicy",
    "BreakerState",
    "Breakers",
    "CallOptions",
    "GuardedTransport",
    "Observer",
    "PooledTransport",
    "RaiseFor",
    "Rate",
    "RateLimiter",
    "RetryPolicy",
    "SsrfGuard",
    "Wire",
    "open_wire",
    "parse_retry_after",
]
