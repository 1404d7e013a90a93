"""`dead-letters list | replay`: what an operator does with what the service gave up on."""

import argparse
from collections.abc import Sequence
from typing import Any

from common.bus import Cluster, DeadLetter, marked, read_dead_letters, replay
from common.contracts import utc_now
from common.contracts.topics import dead_letters
from common.db import Database
from common.errors import InvalidInput, NotFound
from common.service.columns import ago, as_json, say, table
from common.service.command_database import command_database
from common.service.definition import Service
from common.settings import ServiceSettings, load
from common.telemetry import configure

_TITLES = ("AGE", "ID", "KEY", "FROM", "TRIES", "STATE", "ERROR", "REASON")


async def run(arguments: argparse.Namespace) -> int:
    """List or replay.

    Raises:
        InvalidInput: nothing says what to replay.
        NotFound: no dead letter has this id.
        Unavailable: Kafka or Postgres is away.
    """
    service: Service[Any] = arguments.service
    settings = load(service.settings())
    configure(service.name, settings)
    async with command_database(service.name, settings) as database:
        await _ACTIONS[arguments.action](database, settings, arguments)
    return 0


async def _list(
    database: Database, settings: ServiceSettings, arguments: argparse.Namespace
) -> None:
    name = arguments.service.name
    letters = await read_dead_letters(Cluster.from_settings(settings), name, count=arguments.count)
    replayed = await marked(database, letters)
    if arguments.json:
        say(as_json([_plain(letter, replayed) for letter in letters]))
    elif letters:
        say(*table(_TITLES, [_row(letter, replayed) for letter in letters]))
    else:
        say(f"{dead_letters(name)} is empty.")


def _row(letter: DeadLetter, replayed: set[str]) -> tuple[Any, ...]:
    facts = letter.facts
    return (
        ago(letter.at, utc_now()),
        letter.id,
        letter.key,
        f"{letter.origin.topic} {letter.origin.number}:{letter.offset}",
        facts.get("attempt"),
        "replayed" if letter.mark in replayed else "dead",
        facts.get("error"),
        facts.get("reason"),
    )


def _plain(letter: DeadLetter, replayed: set[str]) -> dict[str, Any]:
    facts = letter.facts
    return {
        "id": letter.id,
        "at": letter.at,
        "key": letter.key,
        "topic": letter.origin.topic,
        "partition": letter.origin.number,
        "offset": letter.offset,
        "error": facts.get("error"),
        "reason": facts.get("reason"),
        "attempt": facts.get("attempt"),
        "replayed": letter.mark in replayed,
    }


async def _replay(
    database: Database, settings: ServiceSettings, arguments: argparse.Namespace
) -> None:
    if not arguments.all and not arguments.id and arguments.key is None:
        raise InvalidInput("Say what to replay: --id EVENT_ID, --key KEY, or --all.")
    name = arguments.service.name
    every = await read_dead_letters(Cluster.from_settings(settings), name)
    letters = _chosen(every, arguments)
    async with database.transaction() as connection:
        going = await replay(connection, letters, source=f"parley/{name}")
    say(*_outcome(going, letters))


def _chosen(every: Sequence[DeadLetter], arguments: argparse.Namespace) -> list[DeadLetter]:
    ids = set(arguments.id or ())
    chosen = [
        letter
        for letter in every
        if (not ids or letter.id in ids) and (arguments.key is None or letter.key == arguments.key)
    ]
    missing = ids - {letter.id for letter in chosen}
    if missing:
        of_key = "" if arguments.key is None else f" of key {arguments.key}"
        where = dead_letters(arguments.service.name)
        raise NotFound(f"{where} has no letter{of_key} with id {', '.join(sorted(missing))}.")
    return chosen


def _outcome(going: Sequence[DeadLetter], letters: Sequence[DeadLetter]) -> list[str]:
    before = len({letter.id for letter in letters}) - len(going)
    lines = [f"{letter.id}  {letter.key}  to {letter.origin.topic}" for letter in going]
    if before:
        lines.append(f"Replayed before, and left alone: {before}.")
    if going:
        lines.append(f"In the outbox, which the worker publishes: {len(going)}.")
    return lines or ["There is nothing to replay."]


_ACTIONS = {"list": _list, "replay": _replay}
