"""python -m common.bus: topics are created once, and their newest records can be looked at."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from common.bus import KafkaBus, Record
from common.contracts import TOPICS, Topic


def run(*arguments: str, bootstrap: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "KAFKA_BOOTSTRAP_SERVERS"}
    if bootstrap:
        environment["KAFKA_BOOTSTRAP_SERVERS"] = bootstrap
    command = [sys.executable, "-m", "common.bus", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_without_an_address_it_says_what_is_missing() -> None:
    done = run("create-topics")
    assert done.returncode == 1
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr


def test_a_topic_that_is_none_of_ours_is_refused() -> None:
    done = run("tail", "weather.forecasts.v1", bootstrap="127.0.0.1:1")
    assert done.returncode == 2
    assert "weather.forecasts.v1" in done.stderr


@pytest.mark.parametrize("verb", [("create-topics",), ("tail", Topic.GOOGLE_DEAD_LETTERS)])
def test_a_broker_that_is_away_is_a_sentence_and_what_to_do(verb: tuple[str, ...]) -> None:
    done = run(*verb, bootstrap="127.0.0.1:1")
    assert done.returncode == 1
    away, hint = done.stderr.splitlines()
    assert away.startswith("Kafka at 127.0.0.1:1 did not answer")
    assert "KAFKA_BOOTSTRAP_SERVERS" in hint


@pytest.mark.integration
def test_topics_are_created_and_their_newest_records_shown(kafka_bootstrap: str) -> None:
    assert run("create-topics", bootstrap=kafka_bootstrap).returncode == 0
    again = run("create-topics", bootstrap=kafka_bootstrap)
    assert (again.returncode, again.stdout) == (0, "created: nothing, all were there\n")
    topic = Topic.GOOGLE_DEAD_LETTERS
    assert topic in TOPICS

    async def publish() -> None:
        async with KafkaBus(kafka_bootstrap).producer() as producer:
            for number in range(3):
                headers = [("dl_reason", f"reason {number}".encode())]
                await producer.publish(Record(topic, "k", b'{"n": %d}' % number, headers))

    asyncio.run(publish())
    shown = run("tail", topic, "--count", "2", bootstrap=kafka_bootstrap)
    assert shown.returncode == 0, shown.stderr
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["value"] for line in lines] == [{"n": 1}, {"n": 2}]
    assert [line["headers"]["dl_reason"] for line in lines] == ["reason 1", "reason 2"]
    assert {line["key"] for line in lines} == {"k"}
