"""`ingest_vs_bare`: verified Evolution webhooks accepted per second, against the raw limit."""

import asyncio
import statistics
import sys
from typing import Any

import orjson

from bench.bodies import encoded, text_body
from bench.ground import Ground
from bench.machine import usage
from common.contracts import Topic
from devstack.children import Child, Command
from devstack.ports import free_port
from devstack.supervisor import Tier

CONNECTIONS = 64
_ROUNDS = 4
_RAW_TOPIC = Topic.OAUTH_CALLBACKS  # nobody here reads it


async def measure(ground: Ground, *, seconds: float) -> dict[str, Any]:
    """Load the gateway and the bare handler in turns; the ratio is that of the medians."""
    await ground.migrate("gateway")
    gateway = await ground.start("gateway", "api")
    port = free_port(taken=ground.addresses.ports.values())
    bare = await _start_bare(ground, port)
    body = text_body("shop", phone="5511988880001", message_id="3A01", text="hi", at=1795470387)
    ours = f"{ground.addresses.url('gateway')}/api/webhook/evolution"
    secret = {"X-Webhook-Secret": ground.environment("gateway")["GATEWAY_WEBHOOK_SECRET"]}
    rounds: dict[str, list[dict[str, Any]]] = {"gateway": [], "bare": []}
    before = usage(gateway.process.pid).cpu_seconds
    for _ in range(_ROUNDS):
        rounds["bare"].append(await _load(f"http://127.0.0.1:{port}/", body, {}, seconds))
        rounds["gateway"].append(await _load(ours, body, secret, seconds))
    used = usage(gateway.process.pid)
    gateway.stop()
    bare.stop()
    accepted, raw = _median(rounds["gateway"], "per_second"), _median(rounds["bare"], "per_second")
    total = sum(r["per_second"] * seconds for r in rounds["gateway"])
    return {
        "ratio": accepted / raw,
        "accepted_per_s": accepted,
        "bare_per_s": raw,
        "p50_ms": _median(rounds["gateway"], "p50_ms"),
        "p99_ms": _median(rounds["gateway"], "p99_ms"),
        "bare_p99_ms": _median(rounds["bare"], "p99_ms"),
        "cpu_us_per_webhook": (used.cpu_seconds - before) / total * 1e6,
        "peak_mib": used.peak_mib,
    }


def _median(rounds: list[dict[str, Any]], fact: str) -> float:
    return float(statistics.median(one[fact] for one in rounds))


async def _start_bare(ground: Ground, port: int) -> Child:
    command = Command(
        "bare",
        [sys.executable, "-m", "bench.bare", str(port), ground.bootstrap, _RAW_TOPIC],
        ground.folder / "logs" / "bare.log",
    )
    child = ground.supervisor.launch(command, Tier.SERVICES, may_end=True)
    await _accepting(f"http://127.0.0.1:{port}/", {})
    return child


async def _accepting(url: str, headers: dict[str, str]) -> None:
    """Wait until a server takes a request."""
    async with asyncio.timeout(30):
        while True:
            try:
                await _load(url, {}, headers, 0.1)
            except RuntimeError:
                await asyncio.sleep(0.1)
            else:
                return


async def _load(
    url: str, body: dict[str, Any], headers: dict[str, str], seconds: float
) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        url,
        str(CONNECTIONS),
        str(seconds),
        orjson.dumps(headers).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(encoded(body))
    if process.returncode:
        raise RuntimeError(err.decode()[-500:])
    found: dict[str, Any] = orjson.loads(out)
    refused = {status for status in found["statuses"] if not status.startswith("2")}
    if refused:
        raise RuntimeError(f"{url} answered {found['statuses']}")
    return found
