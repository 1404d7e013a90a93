"""The verbs with which an operator looks into any service: its lanes, and its dead letters."""

import argparse
from functools import partial
from typing import NamedTuple

from common.arguments import at_least
from common.service.definition import Command


class SealedColumn(NamedTuple):
    """A column of sealed secrets: each is bound to its purpose and its row's `tenant_id`."""

    table: str
    name: str
    purpose: str


def reseal_command(*columns: SealedColumn) -> Command:
    """Make the verb `reseal` for the columns in which a service keeps secrets."""
    return Command(
        "reseal",
        "seal all secrets again under the first key of the keyring",
        "common.service.reseal_verb:run",
        lambda parser: parser.set_defaults(sealed=columns),
    )


def lanes_command(*queues: str, when_parked: str | None = None) -> Command:
    """Make the verb `lanes` of a service with these queues.

    `when_parked` names, as `module:function`, the `common.lanes.WhenParked` of a service whose
    jobs leave a state behind when they are given up.
    """
    return Command(
        "lanes",
        "list, hold, resume and park durable work",
        "common.service.lane_verbs:run",
        partial(_lanes, queues, when_parked),
    )


def _lanes(
    queues: tuple[str, ...], when_parked: str | None, parser: argparse.ArgumentParser
) -> None:
    parser.set_defaults(when_parked=when_parked)
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _verb(verbs, "list", "list the lanes that have work, the held ones first")
    listing.add_argument("--held", action="store_true", help="only those that a person must free")
    parked = _verb(verbs, "parked", "list the jobs that were given up, the oldest first")
    for verb in (listing, parked):
        verb.add_argument("--count", type=at_least(1), default=100, help="at most so many (100)")
        verb.add_argument("--json", action="store_true", help="print a JSON array")
    resume = _verb(verbs, "resume", "let a held or waiting lane go on at once")
    hold = _verb(verbs, "hold", "stop a lane until it is resumed; its job in hand ends first")
    park = _verb(verbs, "park", "give up on the first job of a lane, so that the next can go")
    for verb in (resume, hold, park):
        verb.add_argument("key", metavar="KEY", help="the lane, as `lanes list` names it")
    for verb in (hold, park):
        verb.add_argument("--reason", required=True, help="kept with the lane or the job")
    for verb in (listing, parked, resume, hold, park):
        verb.add_argument("--queue", choices=queues, help="only this queue")


def _dead_letters(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _verb(verbs, "list", "list the newest dead letters, the oldest of them first")
    listing.add_argument("--count", type=at_least(1), default=50, help="at most so many (50)")
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    replay = _verb(verbs, "replay", "have dead letters handled again, in order per key")
    which = replay.add_mutually_exclusive_group()
    which.add_argument(
        "--id", action="append", metavar="EVENT_ID", help="this one; may be given several times"
    )
    which.add_argument("--all", action="store_true", help="all that were not replayed yet")
    replay.add_argument("--key", help="only those of this key")


def _verb(verbs: argparse._SubParsersAction, name: str, text: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]  # generic for checkers only
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    return parser


DEAD_LETTERS = Command(
    "dead-letters",
    "list and replay what the service gave up on",
    "common.service.dead_letter_verbs:run",
    _dead_letters,
)
