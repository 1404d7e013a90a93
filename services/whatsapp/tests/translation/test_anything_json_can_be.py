"""The translation never raises, and what it makes can always be published and stored."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts import IntegrationId
from whatsapp_service.domain.model import Ignored, Observation, Unknown
from whatsapp_service.providers.evolution import translate

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
SHOP = IntegrationId("int_1")
BODIES: list[dict[str, Any]] = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "examples").glob("*"))
]

strings = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "\x00",
        "\ud83d",
        "@",
        "@lid",
        ":@g.us",
        "5521955550002@s.whatsapp.net",
        "1e999",
        "nan",
        "²",
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | strings
    | st.sampled_from([{"low": -1, "high": 2**40, "unsigned": True}, {"low": "1", "high": None}])
)
names = strings | st.sampled_from(
    ["id", "key", "message", "text", "conversation", "remoteJid", "name"]
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body."""
    found = [path] if path else []
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, one in inner:
        found += places(one, (*path, name))
    return found


PLACES = [places(body) for body in BODIES]


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A real body with a few of its parts replaced, removed or repeated."""
    number = draw(st.integers(0, len(BODIES) - 1))
    body = copy.deepcopy(BODIES[number])
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(PLACES[number]))
        holder: Any = body
        for step in way:
            holder = holder[step] if _has(holder, step) else None
        if not _has(holder, last):
            continue
        match draw(st.sampled_from(["replace", "replace", "remove", "list"])):
            case "replace":
                holder[last] = draw(anything)
            case "remove":
                del holder[last]
            case _:
                holder[last] = [holder[last], draw(leaves)]
    return body


def _has(holder: Any, step: Any) -> bool:
    if isinstance(holder, list):
        return isinstance(step, int) and step < len(holder)
    return isinstance(holder, dict) and step in holder


def check(body: Any) -> None:
    said = translate(body, integration=SHOP, now=NOW)

    assert said
    for one in said:
        if isinstance(one, Ignored | Unknown):
            assert one.reason
            check_reason(one.reason)
        else:
            check_event(one)


def check_reason(reason: str) -> None:
    reason.encode()
    assert "\x00" not in reason, "Postgres cannot store it"


def check_event(one: Observation) -> None:
    event = one.event
    written = event.model_dump_json(exclude_none=True)
    assert "\\u0000" not in written, "Postgres cannot store it"
    assert type(event).model_validate_json(written) == event
    assert event.record_key
    sent_at = getattr(event, "sent_at", NOW)
    assert datetime(2009, 1, 1, tzinfo=UTC) <= sent_at <= NOW + timedelta(days=1)
    if hasattr(event, "sent_at"):
        assert one.chat is not None, "the use case needs a chat to put it into"
        assert one.chat.reply_to
    if hasattr(event, "message_id"):
        assert 0 < len(event.message_id) <= 255
    assert (getattr(event, "kind", None) == "unsupported") == (one.unsupported is not None)
    check_reason(one.unsupported or "")


@settings(max_examples=1500, deadline=None)
@given(spoiled())
def test_a_spoiled_body_is_still_translated(body: Any) -> None:
    check(body)


@settings(max_examples=300, deadline=None)
@given(anything)
def test_anything_at_all_is_still_translated(body: Any) -> None:
    check(body)


EVENTS = sorted({str(body.get("event")) for body in BODIES})


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(EVENTS), anything)
def test_any_event_with_any_data_is_still_translated(event: str, data: Any) -> None:
    check({"event": event, "instance": "padaria", "data": data})


def test_a_body_as_deep_as_a_parser_allows_is_still_translated() -> None:
    for wrap in (
        lambda one: [one],
        lambda one: {"message": one},
        lambda one: {"id": one, "key": one},
    ):
        deep: Any = "x"
        for _ in range(900):
            deep = wrap(deep)
        for event in EVENTS:
            said = translate({"event": event, "data": deep}, integration=SHOP, now=NOW)
            assert said
