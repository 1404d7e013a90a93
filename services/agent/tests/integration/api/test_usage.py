"""What was used and what it cost, what may be used, and what models cost."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_service.__main__ import SERVICE
from agent_service.app.ceilings import _act as act_on_ceilings
from agent_service.app.contexts import tenant_opener
from agent_service.app.prices import _act
from agent_service.domain.model import Cost, Price, Step, StepKind, Usage
from agent_service.repository import KnownPrices, PostgresCeilings, PostgresPrices
from common.contracts import AgentId, ConversationId, RunId, new_id
from common.db import Sql
from common.errors import InvalidInput, NotFound

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

TODAY = datetime.now(UTC).date()
_AGE = Sql("""
    update run_step set created_at = created_at - interval '1 day' * cast(:days as int)
    where run_id = :run returning run_id""")


async def used(us: Any, agent: str, model: str, *, days_ago: int = 0, priced: bool = True) -> None:
    run = RunId(new_id("run"))
    step = Step(1, StepKind.MODEL, model=model, usage=Usage(100, 20, 10), cost=Cost(50, priced))
    async with tenant_opener(us.office.database, lambda: None)(us.tenant) as context:
        await context.runs.enter(run, (us.tenant, AgentId(agent), ConversationId("cnv_1")), step)
    await us.office.database.execute(_AGE, {"run": run, "days": days_ago})


async def test_usage_is_added_up_by_agent_model_and_day(office: Any) -> None:
    us = office.caller()
    for agent, model, days_ago in (("a", "m", 0), ("a", "n", 0), ("b", "m", 1), ("b", "m", 40)):
        await used(us, agent, model, days_ago=days_ago, priced=model == "m")
    [total] = (await us.ask("GET", "/usage")).json()
    assert (total["calls"], total["cost_micros"], total["priced"]) == (3, 150, False)
    assert (total["input_tokens"], total["cached_tokens"], total["output_tokens"]) == (300, 60, 30)

    by_agent = (await us.ask("GET", "/usage?group_by=agent")).json()
    assert [(row["agent"], row["calls"], row["model"]) for row in by_agent] == [
        ("a", 2, None), ("b", 1, None),
    ]  # fmt: skip
    by_all = (await us.ask("GET", "/usage?group_by=day&group_by=model&group_by=agent")).json()
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    assert [(row["day"], row["model"], row["agent"]) for row in by_all] == [
        (yesterday, "m", "b"), (TODAY.isoformat(), "m", "a"), (TODAY.isoformat(), "n", "a"),
    ]  # fmt: skip
    begin = (TODAY - timedelta(days=60)).isoformat()
    [old] = (await us.ask("GET", f"/usage?from={begin}&to={yesterday}")).json()
    assert old["calls"] == 2


@pytest.mark.parametrize(
    "query", ["from=2026-11-02&to=2026-11-01", "from=2020-01-01", "group_by=tenant", "from=soon"]
)
async def test_a_question_without_an_answer_is_refused(office: Any, query: str) -> None:
    assert (await office.caller().ask("GET", f"/usage?{query}")).status_code == 422


async def test_a_tenants_limits_are_set_whole_and_shown(office: Any) -> None:
    us = office.caller()
    assert set((await us.ask("GET", "/limits")).json().values()) == {None}
    limits = {"micros_per_day": 5_000_000, "parallel_runs": 3}
    assert (await us.ask("PUT", "/limits", limits)).status_code == 200
    shown = (await us.ask("GET", "/limits")).json()
    assert {name: value for name, value in shown.items() if value is not None} == limits
    for wrong in ({"micros_per_day": 0}, {"micros_per_year": 1}, {"parallel_runs": 1.5}):
        assert (await us.ask("PUT", "/limits", wrong)).status_code == 422
    assert (await us.ask("GET", "/limits")).json() == shown


async def ceiling(us: Any, action: str, **limits: Any) -> list[str]:
    names = ("requests_per_minute", "tokens_per_minute", "usd_per_day", "usd_per_month")
    said: dict[str, Any] = dict.fromkeys((*names, "parallel_runs")) | limits
    said = {"json": False, "new": False, **said}
    arguments = argparse.Namespace(action=action, tenant=us.tenant, **said)
    return await act_on_ceilings(PostgresCeilings(us.office.database), arguments)


async def test_no_tenant_sets_limits_above_the_operators_ceiling(office: Any) -> None:
    us = office.caller()
    await us.ask("PUT", "/limits", {"micros_per_day": 5_000_000})
    await ceiling(us, "set", usd_per_day="2", parallel_runs=4)
    shown = (await us.ask("GET", "/limits")).json()
    assert (shown["micros_per_day"], shown["parallel_runs"]) == (2_000_000, 4)
    for wrong in ({"micros_per_day": 2_000_001}, {"parallel_runs": 5}):
        refused = await us.ask("PUT", "/limits", wrong)
        assert refused.status_code == 422
        assert next(iter(wrong)) in refused.json()["detail"]
    assert (await us.ask("PUT", "/limits", {"micros_per_day": 1_500_000})).status_code == 200
    assert (await us.ask("PUT", "/limits", {})).status_code == 200
    assert (await us.ask("GET", "/limits")).json() == shown, "what is left out has the ceiling"
    rows = [line.split() for line in await ceiling(us, "show")]
    assert ["usd_per_day", "-", "2"] in rows
    await ceiling(us, "lift")
    assert set((await us.ask("GET", "/limits")).json().values()) == {None}
    with pytest.raises(InvalidInput):
        await ceiling(us, "set")


async def test_a_ceiling_of_a_tenant_that_nobody_knows_is_set_on_purpose_only(office: Any) -> None:
    us = office.caller()
    with pytest.raises(NotFound) as refused:
        await ceiling(us, "set", usd_per_day="2")
    assert us.tenant in str(refused.value)
    assert "--new" in refused.value.hint
    with pytest.raises(NotFound):
        await ceiling(us, "lift")
    assert set((await us.ask("GET", "/limits")).json().values()) == {None}

    [said] = await ceiling(us, "set", usd_per_day="2", new=True)
    assert us.tenant in said
    await ceiling(us, "set", usd_per_day="3")
    assert (await us.ask("GET", "/limits")).json()["micros_per_day"] == 3_000_000


async def test_a_tenant_with_an_agent_is_known(office: Any) -> None:
    us = office.caller()
    made = await us.makes()
    await us.ask("DELETE", f"/agents/{made['id']}")
    await ceiling(us, "set", usd_per_day="2")
    assert (await us.ask("GET", "/limits")).json()["micros_per_day"] == 2_000_000


async def test_operators_set_prices_and_workers_take_them_up(office: Any) -> None:
    boss = office.caller(scopes=["prices:read", "prices:write"])
    price = {"model": "gpt-x", "input_micros": 250_000, "cached_micros": 25_000}
    assert (await boss.ask("PUT", "/prices", price)).status_code == 422
    whole = {**price, "output_micros": 2_000_000, "minute_micros": 6_000}
    assert (await boss.ask("PUT", "/prices", whole)).json() == whole
    listed = (await boss.ask("GET", "/prices")).json()
    assert whole.items() <= next(one for one in listed if one["model"] == "gpt-x").items()

    clock = [0.0]
    default = Price("", 9, 9, 9, known=False)
    known = KnownPrices(office.database, default, lambda: clock[0])
    await known.refresh()
    assert known.of("gpt-x").output == 2_000_000
    assert known.of("gpt-x").minute == 6_000
    assert known.of("gpt-x-2026-11-01").known, "a dated name has the undated one's price"
    assert known.of("gpt-xl") is default
    await boss.ask("PUT", "/prices", {**whole, "output_micros": 3_000_000})
    await known.refresh()
    assert known.of("gpt-x").output == 2_000_000
    clock[0] = 31.0
    await known.refresh()
    assert known.of("gpt-x").output == 3_000_000


async def test_prices_on_the_command_line_are_us_dollars(office: Any) -> None:
    prices = PostgresPrices(office.database)

    async def act(action: str, **more: Any) -> list[str]:
        return await _act(prices, argparse.Namespace(action=action, json=False, **more))

    costs = {"input": "0.25", "cached": "0.025", "output": "2", "minute": "0.006"}
    await act("set", model="gpt-cli", **costs)
    [row] = [line for line in await act("list") if line.startswith("gpt-cli")]
    assert row.split()[1:5] == ["0.25", "0.025", "2", "0.006"]
    for wrong in ("-1", "cheap", "0.0000001", "nan", "-inf", "1e30"):
        with pytest.raises(InvalidInput):
            await act("set", model="gpt-cli", **{**costs, "input": wrong})
    for nobody in ("", " ", "gpt\x07"):
        with pytest.raises(InvalidInput):
            await act("set", model=nobody, **costs)
    await act("forget", model="gpt-cli")
    with pytest.raises(NotFound):
        await act("forget", model="gpt-cli")


def parser_of(name: str) -> argparse.ArgumentParser:
    [command] = [one for one in SERVICE.commands if one.name == name]
    parser = argparse.ArgumentParser()
    assert command.configure is not None
    command.configure(parser)
    assert callable(command.resolved())
    return parser


async def test_the_command_line_knows_prices_and_ceilings() -> None:
    parser = parser_of("prices")
    words = ["set", "gpt-x", "--input", "1", "--cached", "1", "--output", "1"]
    said = parser.parse_args(words)
    assert (said.model, said.minute) == ("gpt-x", "0")
    parser = parser_of("ceilings")
    asked = parser.parse_args(["set", "--usd-per-day", "2", "--parallel-runs", "4", "ten_1"])
    assert (asked.tenant, asked.usd_per_day, asked.parallel_runs) == ("ten_1", "2", 4)
    assert (asked.new, parser.parse_args(["set", "--new", "ten_1"]).new) == (False, True)
    with pytest.raises(SystemExit):
        parser.parse_args(["set", "--parallel-runs", "0", "ten_1"])


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_days_at_the_end_of_the_calendar_are_refused(office: Any, day: str) -> None:
    answer = await office.caller().ask("GET", f"/usage?to={day}")
    assert answer.status_code == 422
    assert day in answer.json()["detail"]
