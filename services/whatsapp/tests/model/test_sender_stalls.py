"""Workers that freeze between the note of a call and the call, or die between two parts."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sender_world import SETTLE, World

from common.contracts import CommandId, Content, TenantId
from common.db import Database
from common.testing import eventually
from whatsapp_service.app.gathering import GatheredSendings
from whatsapp_service.domain.model.outgoing import split_text
from whatsapp_service.domain.ports import LoadedFile
from whatsapp_service.repository import Beginning, PostgresSendings

pytestmark = pytest.mark.integration


class Freezer:
    """Opens files, which is what happens between the note and the call, as slowly as asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.takes = timedelta(0)

    @asynccontextmanager
    async def opened(self, tenant: TenantId, content: Content) -> AsyncGenerator[LoadedFile | None]:
        self.world.later += self.takes
        yield None


@pytest.fixture
async def world(migrated_database: Callable[[str], str]) -> AsyncGenerator[World]:
    database = Database(migrated_database("whatsapp"))
    world = World(database)
    await world.open(1)
    yield world
    await database.close()


async def _work(world: World) -> None:
    job = await world.take()
    assert job is not None
    await world.work(job)


async def _state(world: World) -> Any:
    [row] = await world.rows("select state from outbound")
    return row["state"]


async def test_a_call_that_others_may_believe_to_be_over_is_not_made(world: World) -> None:
    freezer = Freezer(world)
    world.files = freezer
    [chat] = world.chats
    await world.accept("cmd_1", chat, "hello")
    freezer.takes = SETTLE
    await _work(world)
    assert (world.whatsapp.out, await _state(world)) == ([], "queued")

    freezer.takes = timedelta(0)
    await _work(world)
    assert [one.text for one in world.whatsapp.out] == ["hello"]
    assert await _state(world) == "sent"


async def test_a_worker_that_dies_between_parts_leaves_the_rest_to_the_next(world: World) -> None:
    [chat] = world.chats
    text = " ".join(f"word{n}" for n in range(1_200))
    await world.accept("cmd_1", chat, text)
    world.whatsapp.first = ["ok", "dies before"]
    await _work(world)
    assert (len(world.whatsapp.out), await _state(world)) == (1, "sending")

    await _work(world)
    assert (len(world.whatsapp.out), await _state(world)) == (1, "sending")
    world.later += SETTLE
    await _work(world)
    assert [one.text for one in world.whatsapp.out] == split_text(text)
    assert await _state(world) == "sent"
    rows = await world.rows("select headers from outbox where topic = 'whatsapp.messages.v1'")
    assert sum("message.sent" in row["headers"] for row in rows) == 3


async def test_the_same_words_twice_are_each_their_own_when_told_of_together(world: World) -> None:
    [chat] = world.chats
    world.whatsapp.first = ["ok", "lost after"]
    for command in ("cmd_1", "cmd_2"):
        await world.accept(command, chat, "ok")
        await _work(world)
    first, second = world.whatsapp.out
    await world.echo(first, second)

    rows = await world.rows("select message_id, command_id from whatsapp_message where outgoing")
    assert {row["message_id"]: row["command_id"] for row in rows} == {
        first.id: "cmd_1",
        second.id: "cmd_2",
    }
    rows = await world.rows("select headers from outbox where topic = 'whatsapp.messages.v1'")
    assert sum("message.sent" in row["headers"] for row in rows) == 1


_BLOCKED = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and state = 'active'"


async def test_what_is_taken_back_while_its_call_begins_is_not_taken_back(world: World) -> None:
    [chat] = world.chats
    await world.accept("cmd_1", chat, "hello")
    async with world.database.transaction() as connection:
        sendings = PostgresSendings(connection)
        [found] = await sendings.get([CommandId("cmd_1")])
        assert found is not None
        assert await sendings.begin([Beginning(found.outbound, world.now())]) == [True]
        taking_back = asyncio.create_task(world.cancel(chat))
        await eventually(lambda: world.rows(_BLOCKED), what="the cancellation to wait")
    await taking_back

    assert await _state(world) == "sending"
    assert await world.rows("select 1 from lane where pending = 1") != []


async def test_of_two_workers_that_read_a_command_one_begins(world: World) -> None:
    [chat] = world.chats
    await world.accept("cmd_1", chat, "hello")
    sendings = GatheredSendings(PostgresSendings(world.database))
    first = await sendings.get(CommandId("cmd_1"))
    second = await sendings.get(CommandId("cmd_1"))
    assert first is not None
    assert second is not None
    begun = [await sendings.begin(one.outbound, world.now()) for one in (first, second)]
    assert begun == [True, False]
