"""The main job as a customer lives it, through the gateway's public API and the sandbox's door."""

import asyncio
import json
import os
from dataclasses import dataclass, field
from typing import Any

import httpx2

from devstack.environment import SANDBOX, argv
from devstack.errors import StackError
from devstack.polling import until
from devstack.session import Session
from devstack.talk import Talk
from devstack.transcript import Transcript

CUSTOMER = "5511999990000"
QUESTION = "Hello! Are you open on Saturday?"
_CHANNEL = "/api/agents/{agent}/channels/evolution"


@dataclass(slots=True)
class Journey:
    """One tenant, one agent, one customer, one question."""

    session: Session
    api: httpx2.AsyncClient
    sandbox: httpx2.AsyncClient
    agent: str = ""
    instance: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    billed_before: int = 0

    async def play(self, transcript: Transcript) -> None:
        """Play every step.

        Raises:
            StackError: at the first step that is not as it should be.
        """
        await transcript.play("a tenant gets an API key", self.open_account())
        await transcript.play("an agent is created", self.create_agent())
        await transcript.play("one click connects WhatsApp", self.connect())
        await transcript.play("a QR code is shown", self.show_qr())
        await transcript.play("the phone scans it", self.scan())
        await transcript.play("the connection is open", self.open())
        await transcript.play("the customer writes", self.write())
        await transcript.play("the agent answers", self.receive_answer())
        await transcript.play("the acks arrive", self.acknowledge())
        await transcript.play("exactly one message was sent", self.count_answers())
        await Talk(self).play(transcript)

    async def open_account(self) -> str:
        """Make a tenant and its key with the gateway's own command line."""
        process = await asyncio.create_subprocess_exec(
            *argv("gateway", "tenants", "create", "Demo bakery", "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.session.environment},
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise StackError(f"the gateway made no tenant: {err.decode(errors='replace').strip()}")
        account = json.loads(out)
        self.api.headers["Authorization"] = f"Bearer {account['api_key']}"
        return str(account["tenant_id"])

    async def create_agent(self) -> str:
        """Create the agent that will answer."""
        made = await self.call(
            "POST",
            "/api/agents",
            json={
                "name": "Ana",
                "settings": {
                    "instructions": "Answer briefly; we open from 8 to 18 every day.",
                    "quiet_seconds": 0.3,
                    "typing_ms_per_char": 5,
                    "business_hours": ["mon-sun 08:00-18:00"],
                    "tools": ["business_hours", "remember_fact"],
                },
            },
        )
        self.agent = str(made["id"])
        self.billed_before = len(await self.billed())
        return self.agent

    async def connect(self) -> str:
        """Press the one button."""
        made = await self.call("POST", f"{self._channel}/connect")
        self.instance = str(made["instance"])
        return self.instance

    async def show_qr(self) -> str:
        """Wait for a QR code a person could scan."""

        async def shown() -> bool:
            code = await self.call("GET", f"{self._channel}/qrcode", missing_is_empty=True)
            return str(code.get("qrcode", "")).startswith("data:image/png;base64,")

        await until(shown, every=0.1)
        return "PNG data URI"

    async def scan(self) -> str:
        """Be the phone."""
        await self.door("POST", f"/_sandbox/evolution/instances/{self.instance}/scan")
        return ""

    async def open(self) -> str:
        """Wait until the suite knows the number is connected."""

        async def opened() -> bool:
            status = await self.call("GET", f"{self._channel}/status")
            return bool(status.get("state") == "open")

        await until(opened, every=0.05)
        return "open"

    async def write(self, text: str = QUESTION, **more: Any) -> str:
        """Be the customer."""
        await self.door(
            "POST",
            f"/_sandbox/evolution/instances/{self.instance}/inbound",
            json={"from": CUSTOMER, "text": text, "name": "Maria", **more},
        )
        return f"Maria: {text}"

    async def receive_answer(self) -> str:
        """Wait until WhatsApp was given an answer for the customer."""
        return f"Ana: {await self.next_answer()}"

    async def next_answer(self) -> str:
        """Wait for one more message to the customer, and read it."""
        known = len(self.answers)

        async def answered() -> bool:
            self.answers = await self.sent()
            return len(self.answers) > known

        await until(answered, every=0.02)
        return str(self.answers[known].get("text", ""))

    async def acknowledge(self) -> str:
        """Wait until the suite knows the customer has read the answer."""

        async def read() -> bool:
            [chat] = await self.listed("/api/chats")
            messages = await self.listed(f"/api/chats/{chat['id']}/messages")
            outgoing = [one for one in messages if one["outgoing"]]
            return bool(outgoing) and all(one["delivery"] == "read" for one in outgoing)

        await until(read, every=0.1)
        return "read"

    async def count_answers(self) -> str:
        """Count what WhatsApp was asked to send; by now a second copy would be there."""
        sent = await self.sent()
        if len(sent) != 1:
            raise StackError(f"the sandbox was asked to send {len(sent)} messages instead of 1")
        return f"1 message, {len(await self.billed())} call to the model"

    async def billed(self) -> list[dict[str, Any]]:
        """List the calls that the model server has served for this journey."""
        calls: list[dict[str, Any]] = await self.door("GET", "/_sandbox/openai/calls")
        return calls[self.billed_before :]

    @property
    def _channel(self) -> str:
        return _CHANNEL.format(agent=self.agent)

    async def sent(self) -> list[dict[str, Any]]:
        """List what WhatsApp was asked to send to the customer from this journey's number."""
        path = f"/_sandbox/evolution/sent?instance={self.instance}"
        everything: list[dict[str, Any]] = await self.door("GET", path)
        return [one for one in everything if CUSTOMER in str(one.get("number") or one.get("to"))]

    async def call(
        self, method: str, path: str, *, json: Any = None, missing_is_empty: bool = False
    ) -> dict[str, Any]:
        """Call the public API; with `missing_is_empty`, a 404 is an empty answer.

        Raises:
            StackError: it refused.
        """
        response = await self.api.request(method, path, json=json)
        if missing_is_empty and response.status_code == httpx2.codes.NOT_FOUND:
            return {}
        body: dict[str, Any] = _checked(response)
        return body

    async def listed(self, path: str) -> list[dict[str, Any]]:
        """Read a list from the public API."""
        found: list[dict[str, Any]] = _checked(await self.api.get(path))
        return found

    async def door(self, method: str, path: str, *, json: Any = None) -> Any:
        """Use the sandbox's control door."""
        return _checked(await self.sandbox.request(method, path, json=json))


def _checked(response: httpx2.Response) -> Any:
    if not response.is_success:
        raise StackError(
            f"{response.request.method} {response.request.url.path} answered"
            f" {response.status_code}: {response.text[:300]}"
        )
    return response.json() if response.content else {}


async def play(session: Session, transcript: Transcript) -> None:
    """Play the journey against a running suite.

    Raises:
        StackError: at the first step that is not as it should be.
    """
    async with (
        httpx2.AsyncClient(base_url=session.url("gateway"), timeout=15) as api,
        httpx2.AsyncClient(base_url=session.url(SANDBOX), timeout=15) as sandbox,
    ):
        await Journey(session, api, sandbox).play(transcript)
