"""A poison that was mended is handled after a replay, in order, and its neighbours not twice."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import create_async_engine

from common.bus import (
    Consumer,
    DeadLetter,
    Dispatcher,
    KafkaBus,
    Partition,
    Record,
    Relay,
    Router,
    create_topics,
    marked,
    read_dead_letters,
    replay,
)
from common.bus.dead_letters import dead_letter, read_dead_letter
from common.bus.records import Received
from common.bus.replay import in_original_order
from common.contracts import (
    ChatId,
    Envelope,
    EventId,
    IntegrationId,
    SendMessage,
    TenantId,
    Text,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import attributes, encode_headers
from common.db import Database, Inbox, Outbox, create_messaging_tables
from common.errors import InvalidInput
from common.service import Parts
from common.testing import eventually, running

COMMANDS = Topic.WHATSAPP_COMMANDS
HEADERS = [("ce_id", b"evt_1"), ("ce_type", b"x"), ("ce_replayed", b"1")]


def words(envelope: Envelope[SendMessage]) -> str:
    content = envelope.event.content
    assert isinstance(content, Text)
    return content.text


def letter(event_id: str, *, offset: int, position: int, key: str = "k") -> DeadLetter:
    received = Received(Partition(COMMANDS, 0), offset, key, b"{}", [("ce_id", event_id.encode())])
    row = dead_letter("whatsapp", received, InvalidInput("never"), 1)
    headers = [(name, value.encode()) for name, value in row.headers]
    dead = Received(Partition(row.topic, 0), position, key, row.value, headers)
    found = read_dead_letter(dead, utc_now())
    assert found is not None
    return found


def test_the_original_record_comes_back_whole_and_says_that_it_is_a_replay() -> None:
    received = Received(Partition(COMMANDS, 3), 17, "chat", b'{"a": 1}', HEADERS)
    row = dead_letter("whatsapp", received, InvalidInput("never"), 2)
    headers = [(name, value.encode()) for name, value in row.headers]
    dead = read_dead_letter(
        Received(Partition(row.topic, 1), 5, row.key, row.value, headers), utc_now()
    )
    assert dead is not None
    assert (dead.origin, dead.offset, dead.id) == (Partition(COMMANDS, 3), 17, "evt_1")
    assert dead.facts["error"] == "invalid_input:InvalidInput"
    assert dead.original() == (
        COMMANDS,
        "chat",
        b'{"a": 1}',
        [("ce_id", "evt_1"), ("ce_type", "x"), ("ce_replayed", "1")],
    )


def test_what_was_no_event_goes_by_its_place() -> None:
    received = Received(Partition(COMMANDS, 3), 17, "chat", b"junk", [])
    row = dead_letter("whatsapp", received, InvalidInput("never"), 1)
    headers = [(name, value.encode()) for name, value in row.headers]
    dead = read_dead_letter(
        Received(Partition(row.topic, 1), 5, row.key, row.value, headers), utc_now()
    )
    assert dead is not None
    assert dead.id == "1:5"


def test_a_record_that_is_no_dead_letter_is_passed_over() -> None:
    stray = Received(Partition(Topic.WHATSAPP_DEAD_LETTERS, 0), 0, "k", b"", [("dl_topic", b"t")])
    assert read_dead_letter(stray, utc_now()) is None


def test_an_event_that_died_twice_keeps_its_first_place() -> None:
    died = [
        letter("b", offset=2, position=0),
        letter("a", offset=1, position=1),
        letter("a", offset=9, position=2),
    ]
    ordered = in_original_order(died)
    assert [one.id for one in ordered] == ["a", "b"]
    assert ordered[0].position == 2


@dataclass
class Context:
    inbox: Inbox
    outbox: Outbox
    effects: list[str] = field(default_factory=list)
    """Lost when the transaction is."""


@dataclass
class Shop:
    """A service whose handler has a bug, until it is mended."""

    database: Database
    mine: str
    broken: bool = True
    handled: list[str] = field(default_factory=list)

    def opener(
        self, nudge: Callable[[], None]
    ) -> Callable[[], AbstractAsyncContextManager[Context]]:
        @asynccontextmanager
        async def open_context() -> AsyncGenerator[Context]:
            async with self.database.transaction() as connection:
                outbox = Outbox(connection, source="test", on_commit=nudge)
                context = Context(Inbox(connection), outbox)
                yield context
                await outbox.flush()
            self.handled += context.effects
            outbox.committed()

        return open_context

    def router(self) -> Router[Context]:
        router = Router[Context]()

        @router.on(SendMessage)
        async def note(envelope: Envelope[SendMessage], context: Context) -> None:
            text = words(envelope)
            if not envelope.event.chat_id.startswith(self.mine):
                return
            if self.broken and "poison" in text:
                raise InvalidInput("never")
            context.effects.append(text)

        return router

    def record(self, chat: str, text: str) -> Record:
        event = SendMessage(
            command_id=new_id("cmd"),
            chat_id=ChatId(self.mine + chat),
            integration_id=IntegrationId("int_1"),
            content=Text(text=text),
        )
        envelope = Envelope(EventId(new_id("evt")), TenantId("ten"), utc_now(), event, "t")
        value = event.model_dump_json().encode()
        return Record(event.topic, event.chat_id, value, encode_headers(envelope))


def _create(connection: SyncConnection) -> None:
    create_messaging_tables(Operations(MigrationContext.configure(connection)))


@pytest.fixture
async def database(fresh_database: str) -> AsyncGenerator[Database]:
    engine = create_async_engine(fresh_database.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()
    database = Database(fresh_database)
    yield database
    await database.close()


@dataclass
class Counter:
    """Where the operator stands: sees the shop's dead letters and has them replayed."""

    shop: Shop
    bootstrap: str

    async def letters(self, wanted: int) -> list[DeadLetter]:
        """Wait until so many lie there."""
        found: list[DeadLetter] = []

        async def there() -> bool:
            every = await read_dead_letters(self.bootstrap, "whatsapp")
            found[:] = [one for one in every if one.key.startswith(self.shop.mine)]
            return len(found) >= wanted

        await eventually(there, within=30)
        assert len(found) == wanted
        return found

    async def replay(self, letters: list[DeadLetter]) -> list[str]:
        async with self.shop.database.transaction() as connection:
            return [one.id for one in await replay(connection, letters, source="test")]

    async def handled(self, wanted: int) -> None:
        await eventually(lambda: len(self.shop.handled) >= wanted, within=30)


@asynccontextmanager
async def open_shop(
    shop: Shop, bootstrap: str, database_url: str
) -> AsyncGenerator[Callable[[list[Record]], Awaitable[object]]]:
    """Run the shop's consumer and relay; gives what publishes."""
    await create_topics(bootstrap)
    bus = KafkaBus(bootstrap)
    async with bus.producer() as producer:
        relay = Relay(database_url, producer)
        dispatcher = Dispatcher("whatsapp", shop.router(), shop.opener(relay.nudge))
        consumer = Consumer(bus.source(new_id("g"), [COMMANDS]), dispatcher)
        async with running(Parts(None, [relay, consumer])):
            yield producer.publish_all


@pytest.mark.integration
async def test_a_mended_poison_is_handled_after_a_replay_and_its_neighbours_not_twice(
    kafka_bootstrap: str, fresh_database: str, database: Database
) -> None:
    shop = Shop(database, new_id("t"))
    counter = Counter(shop, kafka_bootstrap)
    texts = [("a", "a1 poison"), ("a", "a2"), ("b", "b1"), ("a", "a3 poison")]
    sent = [shop.record(*one) for one in texts]
    ids = [attributes(record.headers)["ce_id"] for record in sent]
    async with open_shop(shop, kafka_bootstrap, fresh_database) as publish:
        assert await publish(sent) == [None] * 4
        await counter.handled(2)
        [first, _] = await counter.letters(2)

        # Not mended yet: it dies again, as a new letter; the old one has had its turn.
        assert await counter.replay([first]) == [ids[0]]
        letters = await counter.letters(3)
        assert await counter.replay([first]) == []

        shop.broken = False
        assert await counter.replay(list(reversed(letters))) == [ids[0], ids[3]]
        await counter.handled(4)
        assert await counter.replay(letters) == []
        assert await marked(database, letters) == {one.mark for one in letters}

        # Behind everything that might still be on its way.
        await publish([shop.record("a", "end"), shop.record("b", "end")])
        await counter.handled(6)
    assert sorted(shop.handled[:2]) == ["a2", "b1"]
    assert shop.handled[2:4] == ["a1 poison", "a3 poison"]
    assert shop.handled[4:] == ["end", "end"]


@pytest.mark.integration
async def test_a_replay_that_is_cut_off_has_not_happened(database: Database) -> None:
    dead = letter("evt_cut", offset=1, position=1)
    async with database.transaction() as connection:
        await Inbox(connection).admit(["evt_cut"])

    async def cut_off() -> None:
        async with database.transaction() as connection:
            assert await replay(connection, [dead], source="test") == [dead]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cut_off()
    assert await marked(database, [dead]) == set()
    async with database.transaction() as connection:
        assert await Inbox(connection).admit(["evt_cut"]) == set()
