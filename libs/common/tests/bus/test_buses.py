"""One suite for both buses: what passes on the in-process one passes on real Kafka."""

import asyncio
import gc
import warnings
from collections.abc import AsyncGenerator, Sequence

import pytest

from common.bus import Bus, InProcessBus, KafkaBus, Partition, Received, Record, create_topics
from common.contracts import Topic, new_id
from common.errors import TooLarge, Unavailable
from common.testing import eventually

TOPIC = Topic.OAUTH_CALLBACKS


class Watcher:
    """A listener that only remembers."""

    def __init__(self) -> None:
        self.mine: set[Partition] = set()
        self.changes = 0

    async def assigned(self, partitions: Sequence[Partition]) -> None:
        self.mine |= set(partitions)
        self.changes += 1

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        self.mine -= set(partitions)


@pytest.fixture(params=["in-process", pytest.param("kafka", marks=pytest.mark.integration)])
async def bus(request: pytest.FixtureRequest) -> AsyncGenerator[Bus]:
    if request.param == "in-process":
        yield InProcessBus()
        return
    bootstrap: str = request.getfixturevalue("kafka_bootstrap")
    await create_topics(bootstrap)
    yield KafkaBus(bootstrap)


def record(key: str, value: str, headers: list[tuple[str, bytes]] | None = None) -> Record:
    return Record(TOPIC, key, value.encode(), headers or [("ce_id", value.encode())])


async def read(source: object, wanted: int, mine: str) -> list[Received]:
    found: list[Received] = []
    async with asyncio.timeout(30):
        while len(found) < wanted:
            found += [r for r in await source.poll(0.1) if r.key.startswith(mine)]  # type: ignore[attr-defined]  # any Source
    return found


async def test_records_of_a_key_arrive_in_order_with_their_headers(bus: Bus) -> None:
    mine = new_id("t")
    async with bus.producer() as producer:
        records = [record(f"{mine}{n % 3}", f"{n}") for n in range(30)]
        assert await producer.publish_all(records) == [None] * 30
        await producer.publish(record(f"{mine}0", "last", [("ce_type", "ü".encode())]))
    source = bus.source(new_id("g"), [TOPIC])
    await source.start(Watcher())
    found = await read(source, 31, mine)
    await source.stop()
    for key in {r.key for r in found}:
        numbers = [int(r.value or b"") for r in found if r.key == key and r.value != b"last"]
        assert numbers == sorted(numbers)
    [last] = [r for r in found if r.value == b"last"]
    assert list(last.headers) == [("ce_type", "ü".encode())]


async def test_what_was_not_committed_comes_again_and_the_rest_does_not(bus: Bus) -> None:
    mine, group = new_id("t"), new_id("g")
    async with bus.producer() as producer:
        await producer.publish_all([record(mine, str(n)) for n in range(10)])
    first = bus.source(group, [TOPIC])
    await first.start(Watcher())
    found = await read(first, 10, mine)
    await first.commit({found[3].partition: found[3].offset + 1})
    await first.stop()
    second = bus.source(group, [TOPIC])
    await second.start(Watcher())
    again = await read(second, 6, mine)
    await second.stop()
    assert [r.value for r in again] == [r.value for r in found[4:]]


async def test_two_members_share_the_partitions_and_one_gets_all_when_the_other_leaves(
    bus: Bus,
) -> None:
    group = new_id("g")
    members = [bus.source(group, [TOPIC]) for _ in range(2)]
    watchers = [Watcher(), Watcher()]

    async def poll_for_ever(member: object) -> None:
        while True:
            await member.poll(0.05)  # type: ignore[attr-defined]  # any Source

    await members[0].start(watchers[0])
    everything = 3
    await eventually(lambda: len(watchers[0].mine) == everything)
    polling = [asyncio.create_task(poll_for_ever(members[0]))]
    await members[1].start(watchers[1])
    polling.append(asyncio.create_task(poll_for_ever(members[1])))
    await eventually(
        lambda: (
            watchers[0].mine
            and watchers[1].mine
            and len(watchers[0].mine | watchers[1].mine) == everything
        )
    )
    assert not watchers[0].mine & watchers[1].mine
    polling[1].cancel()
    await asyncio.gather(polling[1], return_exceptions=True)
    await members[1].stop()
    await eventually(lambda: len(watchers[0].mine) == everything)
    polling[0].cancel()
    await asyncio.gather(polling[0], return_exceptions=True)
    await members[0].stop()


async def test_a_record_over_the_limit_is_refused_and_its_neighbours_are_not(bus: Bus) -> None:
    mine = new_id("t")
    # Not compressible, so that it is as large on the wire.
    big = "".join(new_id("x") for _ in range(60_000))
    async with bus.producer() as producer:
        outcomes = await producer.publish_all(
            [record(mine + "a", "1"), record(mine + "b", big), record(mine + "c", "2")]
        )
        assert outcomes[0] is None
        assert isinstance(outcomes[1], TooLarge)
        assert outcomes[2] is None
        with pytest.raises(TooLarge):
            await producer.publish(record(mine, big))
        await producer.publish(record(mine, "after"))


async def test_many_batches_of_a_key_keep_its_order_and_stop_at_what_cannot_be_sent(
    bus: Bus,
) -> None:
    mine = new_id("t")
    filling = "".join(new_id("x") for _ in range(60))
    big = "".join(new_id("x") for _ in range(60_000))
    records = [record(f"{mine}{n % 2}", f"{n} {filling}") for n in range(400)]
    records[201] = record(f"{mine}1", big)
    async with bus.producer() as producer:
        outcomes = await producer.publish_all(records)
    assert [n for n, outcome in enumerate(outcomes) if outcome] == list(range(201, 400, 2))
    assert isinstance(outcomes[201], TooLarge)
    assert isinstance(outcomes[203], Unavailable)
    source = bus.source(new_id("g"), [TOPIC])
    await source.start(Watcher())
    found = await read(source, 300, mine)
    await source.stop()
    for key, numbers in (("0", range(0, 400, 2)), ("1", range(1, 200, 2))):
        values = [(r.value or b"").split()[0] for r in found if r.key == mine + key]
        assert values == [str(n).encode() for n in numbers]


@pytest.mark.integration
@pytest.mark.parametrize("turns", [1, 30, 100, 300, 1000])
async def test_a_start_that_is_taken_back_leaves_nothing_open(
    kafka_bootstrap: str, turns: int
) -> None:
    await create_topics(kafka_bootstrap)
    source = KafkaBus(kafka_bootstrap).source(new_id("g"), [TOPIC])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        starting = asyncio.create_task(source.start(Watcher()))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        del starting
        gc.collect()
    assert not [str(one.message) for one in told]


async def test_a_paused_partition_gives_nothing_until_it_is_resumed(bus: Bus) -> None:
    mine = new_id("t")
    source = bus.source(new_id("g"), [TOPIC])
    watcher = Watcher()
    await source.start(watcher)
    await eventually(lambda: watcher.mine)
    source.pause(sorted(watcher.mine))
    async with bus.producer() as producer:
        await producer.publish(record(mine, "1"))
    for _ in range(3):
        assert [r for r in await source.poll(0.1) if r.key == mine] == []
    source.resume(sorted(watcher.mine))
    assert len(await read(source, 1, mine)) == 1
    await source.stop()
