"""Who changed what, and who was not let in, is written down."""

from typing import Any

from common.testing import eventually


async def test_changes_are_written_down_and_looking_is_not(stage: Any) -> None:
    key = stage.key("*")
    await stage.client.get("/api/agents", headers=key)
    made = await stage.client.post("/api/agents?x=1", headers=key)
    await stage.client.post("/api/chats/refused", headers=key)
    await stage.client.delete("/api/agents/a", headers=stage.key("agents:read"))
    await stage.client.post("/api/nowhere", headers=key)

    await eventually(lambda: len(stage.accounts.lines) == 3, within=5)
    lines = stage.accounts.lines
    assert [(line.action, line.status, line.outcome) for line in lines] == [
        ("POST /api/agents", 201, "done"),
        ("POST /api/chats/refused", 409, "refused"),
        ("DELETE /api/agents/a", 403, "refused"),
    ]
    assert {line.tenant for line in lines} == {"ten_a"}
    assert lines[0].request_id == made.headers["x-request-id"]
    assert lines[0].subject.startswith("key:")


async def test_failed_authentications_are_written_down_but_not_without_end(stage: Any) -> None:
    for _ in range(50):
        answer = await stage.client.get("/api/agents", headers={"X-API-Key": "x"})
        assert answer.status_code == 401

    strangers = [line for line in stage.accounts.lines if line.subject == "unknown"]
    assert len(strangers) == 30
    assert {line.tenant for line in strangers} == {"-"}


async def test_a_database_that_is_away_costs_the_line_and_not_the_answer(
    accounts: Any, staged: Any
) -> None:
    async with staged(accounts) as stage:
        key = stage.key("*")
        await stage.client.get("/api/agents", headers=key)
        accounts.away = True
        answer = await stage.client.post("/api/agents", headers=key)

    assert answer.status_code == 201
    assert accounts.lines == []
