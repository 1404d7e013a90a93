"""python -m common.bus create-topics | tail: what an operator does with Kafka itself."""

import argparse
import asyncio
import logging
import os
import sys
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from common.arguments import at_least
from common.bus.cluster import Cluster, away
from common.bus.kafka import create_topics
from common.bus.replay import newest_records
from common.contracts import TOPICS
from common.contracts.cloudevents import attributes
from common.errors import ParleyError
from common.settings import KafkaSettings, load

_PATIENCE = 30.0


def main() -> int:
    """Do one verb; returns the exit code."""
    # What it says of brokers that are away we say in a sentence.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    arguments = _parser().parse_args()
    try:
        return asyncio.run(_VERBS[arguments.verb](arguments))
    except ParleyError as error:
        sys.stderr.write(f"{error}\n{error.hint}".rstrip() + "\n")
    except KafkaError as error:
        sys.stderr.write(f"Kafka refused: {type(error).__name__} {error}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m common.bus", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    create = verbs.add_parser("create-topics", help="create the topics that are missing")
    create.add_argument(
        "--replication", type=at_least(1), default=1, help="copies of each record (1)"
    )
    tail = verbs.add_parser("tail", help="print a topic's newest records, one JSON line each")
    tail.add_argument("topic", choices=[topic.value for topic in TOPICS], metavar="TOPIC")
    tail.add_argument(
        "--count", type=at_least(1), default=10, help="so many of each partition (10)"
    )
    for verb in (create, tail):
        verb.add_argument("--bootstrap", help="addresses, instead of KAFKA_BOOTSTRAP_SERVERS")
    return parser


def _cluster(arguments: argparse.Namespace) -> Cluster:
    if arguments.bootstrap:
        os.environ["KAFKA_BOOTSTRAP_SERVERS"] = arguments.bootstrap
    return Cluster.from_settings(load(KafkaSettings))


async def _create(arguments: argparse.Namespace) -> int:
    created = await create_topics(_cluster(arguments), replication=arguments.replication)
    sys.stdout.write(f"created: {', '.join(sorted(created)) or 'nothing, all were there'}\n")
    return 0


async def _tail(arguments: argparse.Namespace) -> int:
    cluster = _cluster(arguments)
    consumer = AIOKafkaConsumer(arguments.topic, **cluster.options(), enable_auto_commit=False)
    try:
        async with asyncio.timeout(_PATIENCE):
            await consumer.start()
            records = await newest_records(consumer, arguments.count)
    except (KafkaError, OSError, TimeoutError) as error:
        raise away(cluster, error) from error
    finally:
        # In a task of its own: aiokafka's `stop` can leak a CancelledError of its inside.
        await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=5)
    sys.stdout.writelines(orjson.dumps(_plain(record)).decode() + "\n" for record in records)
    return 0


def _plain(record: Any) -> dict[str, Any]:
    try:
        value = orjson.loads(record.value) if record.value else None
    except orjson.JSONDecodeError:
        value = record.value.decode("utf-8", "replace")
    return {
        "partition": record.partition,
        "offset": record.offset,
        "key": (record.key or b"").decode("utf-8", "replace"),
        "headers": attributes(record.headers),
        "value": value,
    }


_VERBS = {"create-topics": _create, "tail": _tail}

if __name__ == "__main__":
    sys.exit(main())
