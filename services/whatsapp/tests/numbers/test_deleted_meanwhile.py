"""A number that an operator deletes stays deleted, whatever else was under way for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from common.auth import Keyring
from common.contracts import AgentId, ConnectionChanged, ConnectionState, TenantId
from common.errors import Conflict
from common.testing import eventually
from whatsapp_service.app.contexts import Wake, context_opener, tenant_opener
from whatsapp_service.domain.model import Qr
from whatsapp_service.domain.ports import Context, Opener
from whatsapp_service.domain.usecases.operate import Operator

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CODE = Qr("2@late", "data:image/png;base64,iVBORw0KGgo=")


def opener(house: Any) -> Opener:
    return context_opener(house.database, Keyring.parse(house.settings.keyring), Wake(lambda: None))


def moved(number: dict[str, Any], state: ConnectionState) -> ConnectionChanged:
    return ConnectionChanged(integration_id=number["integration_id"], state=state)


async def hit(house: Any, fault: int) -> None:
    """Wait until Evolution misbehaves."""

    async def met() -> bool:
        return bool(await house.hits(fault))

    await eventually(met)


async def waiting_for_a_lock(house: Any, count: int) -> None:
    """Wait until so many statements wait for the row of somebody else."""
    asked = """select count(*) as waiting from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'"""

    async def there() -> bool:
        return bool((await house.rows(asked))[0]["waiting"] >= count)

    await eventually(there)


async def stays_deleted(house: Any, tenant: Any, number: dict[str, Any]) -> None:
    """Wait until Evolution has let go of it, and see that nobody shows it."""

    async def removed() -> bool:
        there = number["instance"] in await house.instances()
        return not there and not (await tenant.status())["deleting"]

    await eventually(removed, within=30)
    seen = await tenant.status()
    assert (seen["state"], seen["qr_available"]) == ("deleted", False)
    assert (await tenant.http.get(f"{tenant.channel}/qrcode")).status_code == 404
    assert [event.state for event in tenant.events(ConnectionChanged)][-1] == "deleted"


async def test_a_code_that_comes_after_the_deletion_is_not_shown(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    await tenant.post(f"{tenant.channel}/disconnect")
    # Evolution answers the reconnection late, and keeps the number until it has.
    await house.fault(number["instance"], "status", "webhook/set", status=500, times=None)
    late = await house.fault(number["instance"], "delay", "connect", seconds=1)
    reconnecting = asyncio.create_task(tenant.http.post(f"{tenant.channel}/reconnect"))
    await hit(house, late)
    await tenant.http.delete(tenant.channel)

    answer = await reconnecting
    assert (answer.status_code, "deleted" in answer.json()["detail"]) == (409, True)
    seen = await tenant.status()
    assert (seen["state"], seen["deleting"], seen["qr_available"]) == ("deleted", True, False)
    await house.mend()
    await stays_deleted(house, tenant, number)


async def test_a_reconnection_that_began_before_the_deletion_asks_evolution_nothing(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    keyring, opened = Keyring.parse(house.settings.keyring), 0
    mine, evolution = tenant_opener(house.database, keyring, lambda: None), None

    @asynccontextmanager
    async def deleted_before_the_second(whose: TenantId) -> AsyncGenerator[Context]:
        nonlocal opened
        opened += 1
        if opened == 2:
            await tenant.http.delete(tenant.channel)
        async with mine(whose) as context:
            yield context

    operator = Operator(deleted_before_the_second, evolution)  # type: ignore[arg-type]  # not asked
    with pytest.raises(Conflict, match="deleted"):
        await operator.reconnect(TenantId(tenant.id), AgentId(tenant.agent))
    assert opened == 2
    await stays_deleted(house, tenant, number)


async def test_what_waits_for_a_deletion_to_be_over_finds_the_number_deleted(
    house: Any, tenant: Any
) -> None:
    number, open_context = await tenant.connect(), opener(house)
    id_ = number["integration_id"]

    async def reconnect() -> ConnectionState | None:
        async with open_context() as context:
            change = moved(number, ConnectionState.CONNECTING)
            return await context.integrations.change_state(id_, change, ordered=True)

    async def show() -> bool:
        async with open_context() as context:
            return await context.integrations.show_qr(id_, CODE)

    async with open_context() as context:
        assert await context.care.begin_deletion(id_)
        gone = moved(number, ConnectionState.DELETED)
        assert await context.integrations.change_state(id_, gone) == "qr"
        late = [asyncio.create_task(reconnect()), asyncio.create_task(show())]
        await waiting_for_a_lock(house, 2)
    assert await asyncio.gather(*late) == [None, False]
    seen = await tenant.status()
    assert (seen["state"], seen["qr_available"]) == ("deleted", False)


async def test_a_deletion_that_waits_for_a_reconnection_has_the_last_word(
    house: Any, tenant: Any
) -> None:
    number, open_context = await tenant.open(), opener(house)
    id_ = number["integration_id"]
    async with open_context() as context:
        for state in (ConnectionState.CONNECTING, ConnectionState.QR):
            change = moved(number, state)
            assert await context.integrations.change_state(id_, change, ordered=True)
        assert await context.integrations.show_qr(id_, CODE)
        deleting = asyncio.create_task(tenant.http.delete(tenant.channel))
        await waiting_for_a_lock(house, 1)
    answer = (await deleting).json()
    assert (answer["state"], answer["qr_available"]) == ("deleted", False)
    await stays_deleted(house, tenant, number)


async def test_a_number_that_is_deleted_while_it_is_made_is_removed_when_it_is_there(
    house: Any, tenant: Any
) -> None:
    late = await house.fault(None, "delay", "create", seconds=1.5)
    connecting = asyncio.create_task(tenant.http.post(f"{tenant.channel}/connect"))
    await hit(house, late)
    number = (await tenant.http.delete(tenant.channel)).json()

    answer = await connecting
    assert (answer.status_code, "deleted" in answer.json()["detail"]) == (409, True)
    await stays_deleted(house, tenant, number)
    again = await tenant.connect()
    assert (again["integration_id"], again["state"]) == (number["integration_id"], "qr")
