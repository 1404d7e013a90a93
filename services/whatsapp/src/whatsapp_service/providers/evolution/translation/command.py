"""`python -m whatsapp_service translate`: show what webhook bodies become."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from common.contracts import IntegrationId, utc_now
from whatsapp_service.domain.model import Ignored, Observation
from whatsapp_service.providers.evolution.translation import translate
from whatsapp_service.providers.evolution.translation.json_values import text
from whatsapp_service.providers.evolution.translation.notice import Said

_NOT_JSON = Ignored("the input is not JSON")
_TOO_DEEP = Ignored("the input is nested too deeply to be read")


def translate_command(_: argparse.Namespace) -> int:
    """Read bodies from standard input and print one JSON object for each thing they say.

    Takes one body, a list of bodies, or one body in each line. There is no database here, so
    the integration is named by its instance.
    """
    for line in translated(sys.stdin.buffer.read(), now=utc_now()):
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    return 0


def translated(raw: bytes, *, now: datetime) -> Iterator[bytes]:
    """Give the lines that the input becomes."""
    for body in _bodies(raw):
        yield from (orjson.dumps(_shown(said)) for said in _said(body, now))


def _said(body: Any, now: datetime) -> Sequence[Said]:
    if isinstance(body, Ignored):
        return [body]
    instance = text(body.get("instance")) if isinstance(body, dict) else None
    return translate(body, integration=IntegrationId(instance or "unknown"), now=now)


def _shown(said: Said) -> dict[str, Any]:
    if not isinstance(said, Observation):
        return {"ignored": said.reason}
    data = said.event.model_dump(mode="json", exclude_none=True)
    return {"type": said.event.type, "data": data}


def _bodies(raw: bytes) -> Iterator[Any]:
    """Give the bodies in the input, or why there is none."""
    whole = _parsed(raw)
    lines = [line for line in raw.splitlines() if line.strip()]
    if whole is _NOT_JSON and len(lines) > 1:
        yield from map(_parsed, lines)
    elif isinstance(whole, list) and whole:
        yield from whole
    else:
        yield whole


def _parsed(raw: bytes) -> Any:
    """Read JSON, with the half surrogates that JavaScript writes and orjson refuses."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw)
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return _NOT_JSON
