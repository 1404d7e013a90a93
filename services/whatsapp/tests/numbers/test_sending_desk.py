"""What a tenant can say about sending, and see of it, through the gateway."""

from typing import Any

import pytest

from common.contracts import MessageFailed, MessageReceived, MessageSent, SendMessage, new_id
from common.contracts.commands import Text
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

SETTINGS = "/api/sending/settings"
NIGHT = {"start": "21:00:00", "end": "08:00:00", "zone": "America/Sao_Paulo"}


async def test_settings_have_defaults_and_are_each_tenants_own(house: Any, tenant: Any) -> None:
    other = await house.tenant()
    defaults = await tenant.get(SETTINGS)
    assert (defaults["quiet_hours"], defaults["daily_budget"], defaults["warm_up"]) == (
        None,
        None,
        True,
    )
    assert "sair" in defaults["opt_out_words"]
    wanted = {"quiet_hours": NIGHT, "daily_budget": 500, "opt_out_words": ["Chega!", "BASTA"]}
    answer = await tenant.http.put(SETTINGS, json=wanted)

    assert answer.status_code == 200, answer.text
    kept = await tenant.get(SETTINGS)
    assert kept == answer.json()
    assert (kept["quiet_hours"], kept["daily_budget"]) == (NIGHT, 500)
    assert kept["opt_out_words"] == ["chega", "basta"]
    assert await other.get(SETTINGS) == defaults


WRONG = [
    {"quiet_hours": {**NIGHT, "zone": "America/Nowhere"}},
    {"quiet_hours": {**NIGHT, "end": "21:00:00"}},
    {"daily_budget": 0},
    {"opt_out_words": []},
    {"opt_out_words": ["!!!"]},
    {"opt_out_words": ["#stop"]},
    {"opt_out_words": ["ok"], "opt_in_words": ["OK"]},
    {"choices": "pictures"},
    {"dayly_budget": 500},
    {"quiet_hours": {**NIGHT, "timezone": "UTC"}},
]


@pytest.mark.parametrize("wanted", WRONG, ids=lambda one: next(iter(one)))
async def test_settings_that_mean_nothing_are_refused(tenant: Any, wanted: dict[str, Any]) -> None:
    await tenant.http.put(SETTINGS, json={"daily_budget": 700})
    answer = await tenant.http.put(SETTINGS, json=wanted)
    assert answer.status_code == 422, answer.text
    assert (await tenant.get(SETTINGS))["daily_budget"] == 700


async def test_a_numbers_health_shows_its_risk_and_its_pace_to_its_tenant_only(
    house: Any, tenant: Any
) -> None:
    number, other = await tenant.open(), await house.tenant()
    path = f"/api/integrations/whatsapp/{number['integration_id']}/health"
    await tenant.http.put(SETTINGS, json={"daily_budget": 70, "warm_up": False})

    health = await tenant.get(path)
    assert (health["state"], health["risk"], health["risk_level"]) == ("open", 0.0, "low")
    assert (health["replies"]["budget_today"], health["replies"]["spent_today"]) == (70, 0)
    assert health["broadcasts"]["gap_seconds"] == 3.0
    assert health["first_open_at"] is not None
    assert (await other.http.get(path)).status_code == 404


async def test_who_opted_out_is_listed_and_can_be_let_back(house: Any, tenant: Any) -> None:
    number, other = await tenant.open(), await house.tenant()
    await house.write(number["instance"], "Parar")
    [received] = await tenant.until_events(MessageReceived)
    await tenant.until_events(MessageSent)
    [row] = await tenant.get("/api/sending/opt-outs")
    assert (row["chat_id"], row["word"]) == (received.chat_id, "parar")
    assert row["message_id"] == received.message_id
    assert await other.get("/api/sending/opt-outs") == []

    await _say(house, tenant, number, received.chat_id)
    [failed] = await tenant.until_events(MessageFailed)
    assert failed.code == "opted_out"
    lift = f"/api/sending/opt-outs/{received.chat_id}"
    assert (await other.http.delete(lift)).status_code == 404
    assert (await tenant.http.delete(lift)).status_code == 204
    assert (await tenant.http.delete(lift)).status_code == 404
    await _say(house, tenant, number, received.chat_id)
    await eventually(lambda: len(tenant.events(MessageSent)) == 2, what="the message to be sent")


async def _say(house: Any, tenant: Any, number: dict[str, Any], chat: str) -> None:
    command = SendMessage(
        command_id=new_id("cmd"),
        chat_id=chat,
        integration_id=number["integration_id"],
        content=Text(text="hello"),
    )
    await house.publish(tenant, command)
