"""Faults on calls, in process."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sandbox.app import Sandbox, create_app
from sandbox.testing import WebhookReceiver, eventually

ANA = "5511988880001"
BODY = {"number": ANA, "text": "hello"}


async def arm(door: httpx2.AsyncClient, fault: str, **more: Any) -> None:
    order = {"provider": "evolution", "call": "sendText", "fault": fault, **more}
    answer = await door.post("/faults", json=order)
    assert answer.status_code == 201, answer.text


async def sent(door: httpx2.AsyncClient) -> int:
    return len((await door.get("/evolution/sent")).json())


async def test_drop_after_does_the_work_and_answers_nothing(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    await arm(door, "drop_after")
    with pytest.raises(httpx2.RemoteProtocolError):
        await evolution.post(f"/message/sendText/{loja}", json=BODY)

    assert await sent(door) == 1
    assert await eventually(lambda: receiver.of("send.message"))


async def test_drop_before_does_nothing(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "drop_before")
    with pytest.raises(httpx2.RemoteProtocolError):
        await evolution.post(f"/message/sendText/{loja}", json=BODY)

    assert await sent(door) == 0


async def test_a_fault_strikes_as_often_as_ordered(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "status", status=503, times=2, retry_after=7)
    answers = [await evolution.post(f"/message/sendText/{loja}", json=BODY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 201]
    assert answers[0].headers["retry-after"] == "7"
    [row] = (await door.get("/faults")).json()
    assert (row["hits"], row["left"]) == (2, 0)


async def test_a_fault_without_an_end_lasts_until_deleted(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "status", status=500, times=None)
    during = [await evolution.post(f"/message/sendText/{loja}", json=BODY) for _ in range(3)]
    await door.delete("/faults")
    after = await evolution.post(f"/message/sendText/{loja}", json=BODY)

    assert {answer.status_code for answer in during} == {500}
    assert after.status_code == 201


async def test_a_fault_is_for_its_call_instance_and_number_only(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "status", status=500, instance="other")
    await arm(door, "status", status=500, where={"number": "5511977770001"})
    await arm(door, "status", status=500, where={"contains": "ação"})
    plain = await evolution.post(f"/message/sendText/{loja}", json=BODY)
    matched = await evolution.post(f"/message/sendText/{loja}", json=BODY | {"text": "ação"})

    assert (plain.status_code, matched.status_code) == (201, 500)


@pytest.mark.parametrize(
    ("fault", "status", "complaint", "effects"),
    [
        ("connection_closed", 500, "Connection Closed", 0),
        ("timed_out", 400, "Error: Timed Out", 0),
        ("timed_out_after", 400, "Error: Timed Out", 1),
        ("not_on_whatsapp", 400, "'exists': False", 0),
        ("graph_error", 201, "OAuthException", 0),
        ("license_required", 503, "LICENSE_REQUIRED", 0),
    ],
)
async def test_evolutions_own_failures_have_their_shapes(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    fault: str,
    status: int,
    complaint: str,
    effects: int,
) -> None:
    await arm(door, fault)
    answer = await evolution.post(f"/message/sendText/{loja}", json=BODY)

    assert answer.status_code == status
    assert complaint in str(answer.json())
    assert await sent(door) == effects


async def test_a_failure_after_the_work_still_sent_the_message(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "status_after", status=400)
    answer = await evolution.post(f"/message/sendText/{loja}", json=BODY)

    assert (answer.status_code, await sent(door)) == (400, 1)


async def test_garbage_is_no_json(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "garbage")
    answer = await evolution.post(f"/message/sendText/{loja}", json=BODY)

    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


@pytest.mark.parametrize(("fault", "expected"), [("ack_error", ["ERROR"]), ("no_acks", [])])
async def test_acknowledgements_can_fail_or_never_come(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    fault: str,
    expected: list[str],
) -> None:
    await arm(door, fault, seconds=0)
    first = await evolution.post(f"/message/sendText/{loja}", json=BODY)
    await evolution.post(f"/message/sendText/{loja}", json=BODY)
    await eventually(lambda: len(receiver.of("messages.update")) == 3 + len(expected))

    own = [
        webhook.data["status"]
        for webhook in receiver.of("messages.update")
        if webhook.data["keyId"] == first.json()["key"]["id"]
    ]
    assert own == expected


async def test_the_echo_can_be_lost_together_with_the_answer(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    await arm(door, "drop_after")
    await arm(door, "drop_webhook", call="SEND_MESSAGE")
    with pytest.raises(httpx2.RemoteProtocolError):
        await evolution.post(f"/message/sendText/{loja}", json=BODY)
    await eventually(lambda: len(receiver.of("messages.update")) == 3)

    assert not receiver.of("send.message")
    found = await evolution.post(f"/chat/findMessages/{loja}", json={})
    assert found.json()["messages"]["total"] == 1


@pytest.mark.parametrize(
    ("order", "listed"),
    [
        ({"fault": "explode"}, "drop_after"),
        ({"fault": "rate_limit"}, "connection_closed"),
        ({"fault": "delay", "call": "sendTxt"}, "sendText"),
        ({"fault": "drop_webhook", "call": "MESSAGE"}, "MESSAGES_UPSERT"),
        ({"fault": "delay", "secondz": 1}, "seconds"),
        ({"fault": "status"}, "needs a status"),
    ],
)
async def test_wrong_orders_are_answered_with_what_is_valid(
    door: httpx2.AsyncClient, order: dict[str, Any], listed: str
) -> None:
    answer = await door.post("/faults", json={"provider": "evolution", **order})

    assert answer.status_code == 422
    assert listed in answer.text


async def test_a_reset_forgets_everything(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await arm(door, "delay")
    await door.post("/reset")

    assert (await door.get("/faults")).json() == []
    assert (await door.get("/evolution/instances")).json() == []
    assert (await door.get("/evolution/webhooks")).json()["emitted"] == 0


async def test_two_sandboxes_share_nothing(
    app: Sandbox, evolution: httpx2.AsyncClient, loja: str
) -> None:
    other = create_app()

    assert loja in app.world.evolution.instances
    assert not other.world.evolution.instances
