"""The options that Responses and Chat Completions have in common."""

from __future__ import annotations

from sandbox.openai.checks import bounded, chosen, metadata, needed, only, short, typed
from sandbox.openai.errors import invalid
from sandbox.wire import Json

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high")
_TIERS = ("auto", "default", "fast", "flex", "priority", "scale", "ultrafast")
_CACHE_OPTIONS = ("mode", "ttl", "comparison_response_id", "prewarm")


def check_common(body: Json, *, streaming: tuple[str, ...]) -> None:
    """Check what both APIs take; `streaming` names the stream options of this one.

    Raises:
        ApiError: 400.
    """
    for name in ("store", "stream"):
        typed(body, name, "boolean", nullable=True)
    bounded(body, "temperature", "number", 0, 2)
    bounded(body, "top_p", "number", 0, 1)
    bounded(body, "top_logprobs", "integer", 0, 20)
    metadata(body)
    typed(body, "user", "string")
    short(body, "safety_identifier", 128)
    _check_cache(body)
    chosen(body, "service_tier", _TIERS, nullable=True)
    moderation = typed(body, "moderation", "object", nullable=True)
    if moderation is not None:
        needed(moderation, "model", "string", "moderation.")
        only(moderation, ("model", "policy"), "moderation.")
    _check_stream_options(body, streaming)


def _check_cache(body: Json) -> None:
    short(body, "prompt_cache_key", 64)
    chosen(body, "prompt_cache_retention", ("in_memory", "24h"), nullable=True)
    options = typed(body, "prompt_cache_options", "object")
    if options is not None:
        only(options, _CACHE_OPTIONS, "prompt_cache_options.")
        chosen(options, "mode", ("implicit", "explicit"), "prompt_cache_options.")
        chosen(options, "ttl", ("30m", "12h"), "prompt_cache_options.")


def _check_stream_options(body: Json, known: tuple[str, ...]) -> None:
    options = typed(body, "stream_options", "object", nullable=True)
    if options is None:
        return
    only(options, known, "stream_options.")
    for name in known:
        typed(options, name, "boolean", "stream_options.")
    if not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise invalid(message, "stream_options")
