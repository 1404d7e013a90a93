"""`make demo`, as a stranger runs it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


async def test_the_demo_plays_the_main_job_on_real_kafka() -> None:
    result = ROOT / ".devstack" / "demo.json"
    result.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "devstack",
        "demo",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith("KAFKA_")},
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    told = json.loads(result.read_bytes())
    assert told["ok"] is True
    assert told["broker"] == "kafka"
    assert all(step["ok"] for step in told["steps"])
    assert [step["name"] for step in told["steps"]][6:] == [
        "the customer writes",
        "the agent answers",
        "the acks arrive",
        "exactly one message was sent",
        "a voice note is answered",
        "a tool is used",
        "the customer wants a person",
        "the hand-off is told",
        "the agent stays silent",
        "the usage is counted",
    ]
    for seen in ("agent.handoff.requested", "5 calls, ", " USD"):
        assert seen in out.decode()
