"""python -m bench: measure against raw limits; writes bench/results.json and prints a table."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from bench import inbound, ingest, lanes, machine, reply, sender, turns
from bench.ground import Ground, ground
from devstack.errors import StackError
from devstack.places import here

Measure = Callable[[Ground], Awaitable[dict[str, Any]]]

TARGETS = {
    "ingest_vs_bare": (">=", 0.75),
    "inbound_vs_raw": (">=", 0.3),
    "lanes_per_s_vs_insert": (">=", 1.0),
    "sender_vs_sandbox": (">=", 0.5),
    "reply_latency_vs_hops": ("<=", 4.0),
    "turns_per_s": (">=", 0.7),
}
_IDLE_MIB = 160


def _measures(*, quick: bool) -> dict[str, Measure]:
    share = 0.25 if quick else 1.0
    return {
        "ingest_vs_bare": lambda g: ingest.measure(g, seconds=6 * share),
        "inbound_vs_raw": lambda g: inbound.measure(g, messages=int(100_000 * share)),
        "lanes_per_s_vs_insert": lambda g: lanes.measure(g, jobs=int(20_000 * share), seconds=3),
        "sender_vs_sandbox": lambda g: sender.measure(g, messages=int(20_000 * share)),
        "reply_latency_vs_hops": lambda g: reply.measure(g, seconds=20 * share),
        "turns_per_s": lambda g: turns.measure(g, seconds=20 * share),
    }


async def _run(names: list[str], *, quick: bool) -> dict[str, Any]:
    measures = _measures(quick=quick)
    found: dict[str, Any] = {}
    for name in names:
        print(f"{name} …", flush=True)
        began = time.monotonic()
        async with ground(name) as here_now:
            found[name] = await measures[name](here_now)
        print(f"  {found[name]['ratio']:.2f}   ({time.monotonic() - began:.0f} s)", flush=True)
    return found


def _table(found: dict[str, Any]) -> None:
    print()
    for name, facts in found.items():
        sign, target = TARGETS[name]
        met = facts["ratio"] >= target if sign == ">=" else facts["ratio"] <= target
        print(f"{name:<26} {facts['ratio']:>7.2f}   target {sign} {target:<5} "
              f"{'met' if met else 'MISSED'}")  # fmt: skip
        for fact, value in facts.items():
            if isinstance(value, int | float) and fact != "ratio":
                print(f"    {fact:<40} {value:>12,.2f}")
    for name, mib in (found.get("reply_latency_vs_hops") or {}).get("idle_mib", {}).items():
        print(f"    idle memory of {name:<25} {mib:>12,.1f} MiB"
              f"{'' if mib <= _IDLE_MIB else '  OVER'}")  # fmt: skip


def _ratio(name: str) -> str:
    if name not in TARGETS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(TARGETS)}")
    return name


def main(argv: list[str] | None = None) -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = ", ".join(TARGETS)
    parser.add_argument("names", nargs="*", metavar="RATIO", type=_ratio, help=f"of {known} (all)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the time, more noise")
    arguments = parser.parse_args(argv)
    names = arguments.names or list(TARGETS)
    try:
        found = asyncio.run(_run(names, quick=arguments.quick))
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    _table(found)
    results = {
        "ratios": {name: facts["ratio"] for name, facts in found.items()},
        "machine": machine.facts(),
        "figures": found,
    }
    path = here().root / "bench" / "results.json"
    path.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nwritten to {path.relative_to(here().root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
