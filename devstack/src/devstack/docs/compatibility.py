"""The gate in front of every contract: an event may grow optional fields, and nothing else.

Both sides matter. A new reader meets old records (the topic keeps days of them), so a new field
must not be required; an old reader meets new records while services are being replaced, so no
field may vanish, and no value may appear that it would refuse.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.contracts import EVENTS
from devstack.docs.schemas import FOLDER, SUFFIX, schema

ADVICE = (
    "Readers in production would refuse or misread such records. Make the new field optional with"
    " a default, or put a new event (a new type, on a new topic vN when the key changes) beside"
    " the old one and publish both until nobody reads the old. Only if the event was never"
    " released: delete its file in docs/events, run `make docs`, and say so in the CHANGELOG"
    " under Events."
)
_ONLY_WORDS = frozenset({"title", "description", "examples", "$id", "$schema", "$defs"})

Schema = Mapping[str, Any]


def broken_contracts(root: Path) -> list[str]:
    """Say what the events in the code break of the schemas that are checked in."""
    found: list[str] = []
    for path in sorted((root / FOLDER).glob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        event = EVENTS.get(name)
        if event is None:
            found.append(f"{name}: the event is gone")
        else:
            old = json.loads(path.read_text(encoding="utf-8"))
            found += [f"{name}: {fault}" for fault in faults(old, schema(event))]
    return found


def faults(old: Schema, new: Schema) -> list[str]:
    """List what a reader of either schema could trip over in records of the other."""
    return list(_compared("", _resolved(old, old, ()), _resolved(new, new, ())))


def _compared(at: str, old: Schema, new: Schema) -> Iterator[str]:
    if "properties" in old and "properties" in new:
        yield from _fields(at, old, new)
    elif "items" in old and "items" in new:
        yield from _compared(f"{at}[]", old["items"], new["items"])
        yield from _rest(at, old, new, {"items"})
    elif len(old.get("anyOf", ())) == len(new.get("anyOf", ())) > 0:
        for one, other in zip(old["anyOf"], new["anyOf"], strict=True):
            yield from _compared(at, one, other)
        yield from _rest(at, old, new, {"anyOf"})
    else:
        yield from _rest(at, old, new, set())


def _fields(at: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = old["properties"], new["properties"]
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for field in before:
        name = f"{at}.{field}".lstrip(".")
        if field not in after:
            yield f"{name} is gone"
            continue
        if field in needed - needs:
            yield f"{name} may now be absent"
        if field in needs - needed:
            yield f"{name} is now required"
        yield from _compared(name, before[field], after[field])
    for field in sorted(needs - set(before)):
        yield f"{f'{at}.{field}'.lstrip('.')} is new and required"
    yield from _rest(at, old, new, {"properties", "required"})


def _rest(at: str, old: Schema, new: Schema, seen: set[str]) -> Iterator[str]:
    """Compare what is left; words for people may change, what is allowed may not."""
    for word in sorted((set(old) | set(new)) - _ONLY_WORDS - seen):
        if old.get(word) != new.get(word):
            yield f"{at or 'the event'}: {word} was {old.get(word)!r} and is {new.get(word)!r}"


def _resolved(node: Any, root: Schema, above: tuple[str, ...]) -> Any:
    """Write every reference out, so that a renamed model is no difference."""
    if isinstance(node, list):
        return [_resolved(each, root, above) for each in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if reference is None:
        return {k: _resolved(v, root, above) for k, v in node.items() if k != "$defs"}
    if reference in above:
        return {"recursive": reference}
    target = root["$defs"][reference.rpartition("/")[2]]
    beside = {k: v for k, v in node.items() if k != "$ref"}
    return _resolved({**target, **beside}, root, (*above, reference))
