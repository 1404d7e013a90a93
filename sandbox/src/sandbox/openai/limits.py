"""Rate limits per key: a sliding window for requests and tokens, and the headers about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.openai.errors import rate_limited

_SHOWN_REQUESTS = 10_000
_SHOWN_TOKENS = 2_000_000

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key may use in one window; None is unlimited.

    Attributes:
        requests: requests per window.
        tokens: tokens per window.
        window: seconds.
    """

    requests: int | None = None
    tokens: int | None = None
    window: float = 60.0


@dataclass(slots=True)
class _Usage:
    spent: deque[tuple[float, int]] = field(default_factory=deque)
    tokens: int = 0


class Limiter:
    """Counts what every key used, and refuses what is too much."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.limits = Limits()
        self._clock = clock
        self._usage: dict[str, _Usage] = {}

    def spend(self, key: str, tokens: int, model: str) -> Headers:
        """Count one request.

        Raises:
            ApiError: 429 rate_limit_exceeded, with the time until there is room again.
        """
        usage = self._recent(key)
        most_requests, most_tokens, used = (
            self.limits.requests,
            self.limits.tokens,
            len(usage.spent),
        )
        if most_requests is not None and used >= most_requests:
            room = most_requests
            wait = self._wait(usage, lambda left, _: left < room)
            numbers = (room, used, 1)
            sentence = _sentence(model, "requests per min (RPM)", numbers, wait)
            raise rate_limited(sentence, "requests", wait)
        if most_tokens is not None and usage.tokens + tokens > most_tokens:
            room = most_tokens
            wait = self._wait(usage, lambda _, left: left + tokens <= room)
            numbers = (room, usage.tokens, tokens)
            sentence = _sentence(model, "tokens per min (TPM)", numbers, wait)
            raise rate_limited(sentence, "tokens", wait)
        usage.spent.append((self._clock(), tokens))
        usage.tokens += tokens
        return self._headers(usage)

    def clear(self) -> None:
        """Forget limits and usage."""
        self.limits = Limits()
        self._usage.clear()

    def _recent(self, key: str) -> _Usage:
        usage = self._usage.setdefault(key, _Usage())
        horizon = self._clock() - self.limits.window
        while usage.spent and usage.spent[0][0] <= horizon:
            usage.tokens -= usage.spent.popleft()[1]
        return usage

    def _wait(self, usage: _Usage, fits: Callable[[int, int], bool]) -> float:
        left, tokens = len(usage.spent), usage.tokens
        for at, spent in usage.spent:
            left, tokens = left - 1, tokens - spent
            if fits(left, tokens):
                return max(0.001, at + self.limits.window - self._clock())
        return self.limits.window

    def _headers(self, usage: _Usage) -> Headers:
        limits = self.limits
        requests = _SHOWN_REQUESTS if limits.requests is None else limits.requests
        tokens = _SHOWN_TOKENS if limits.tokens is None else limits.tokens
        oldest = usage.spent[0][0] + limits.window - self._clock() if usage.spent else 0
        values = {
            "limit-requests": str(requests),
            "limit-tokens": str(tokens),
            "remaining-requests": str(max(0, requests - len(usage.spent))),
            "remaining-tokens": str(max(0, tokens - usage.tokens)),
            "reset-requests": duration(oldest),
            "reset-tokens": duration(oldest),
        }
        return tuple((f"x-ratelimit-{name}".encode(), v.encode()) for name, v in values.items())


def duration(seconds: float) -> str:
    """Write seconds as OpenAI's headers do: ``20ms``, ``1s``, ``6m0s``."""
    if seconds < 1:
        return f"{max(0, int(seconds * 1000))}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:.3f}".rstrip("0").rstrip(".") + "s"


def _sentence(model: str, what: str, numbers: tuple[int, int, int], wait: float) -> str:
    limit, used, requested = numbers
    return (
        f"Rate limit reached for {model} in organization org-sandbox on {what}: "
        f"Limit {limit}, Used {used}, Requested {requested}. "
        f"Please try again in {duration(wait)}."
    )
