"""Webhook delivery as Evolution 2.3.7 does it: unordered, retried in memory, never signed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import orjson

from sandbox.background import Background
from sandbox.evolution.deliveries import Attempt, Delivery, Journal, Outcome
from sandbox.evolution.events import DOTTED, PATHS, now_iso
from sandbox.evolution.jwt import webhook_token
from sandbox.evolution.state import Instance, Webhook
from sandbox.faults import WEBHOOK_FAULTS, FaultBook, FaultSpec, Point
from sandbox.ids import Ids
from sandbox.settings import Settings
from sandbox.wire import Json

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
JITTER = 0.2
NEVER_RETRIED = frozenset({400, 401, 403, 404, 422})
_FAST_LANES = 12
_SLOW_SECONDS = 0.25
_HELD_SECONDS = 1.0
_AXIOS = {
    "Accept": "application/json, text/plain, */*",
    "Content-Type": "application/json",
    "User-Agent": "axios/1.13.2",
    "Accept-Encoding": "gzip, compress, deflate, br",
}


def retry_delays(attempts: int) -> list[float]:
    """Return the seconds between attempts, without jitter: 5, 10, 20, ... at most 300."""
    return [
        min(FIRST_RETRY_SECONDS * 2**attempt, LONGEST_RETRY_SECONDS)
        for attempt in range(attempts - 1)
    ]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a courier needs from its world."""

    settings: Settings
    background: Background
    faults: FaultBook
    ids: Ids


class Courier:
    """Carries the events of all instances to their receivers."""

    def __init__(self, tools: Tools, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.journal = Journal()
        self._settings = tools.settings
        self._background = tools.background
        self._faults = tools.faults
        self._ids = tools.ids
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._held: dict[str, list[Delivery]] = {}

    def emit(self, instance: Instance, event: str, data: object, **top: object) -> None:
        """Send an event without waiting for it, if it is subscribed.

        Args:
            instance: whose event it is.
            event: its name in upper case, for example ``SEND_MESSAGE``.
            data: the envelope's data.
            **top: further fields on the envelope's top level.
        """
        delivery = self._prepare(instance, event, data, top)
        if delivery is not None:
            self._background.spawn(self._carry(delivery))

    async def emit_and_wait(self, instance: Instance, event: str, data: object) -> None:
        """Send an event and return when it was delivered or given up."""
        delivery = self._prepare(instance, event, data, {})
        if delivery is not None:
            await self._carry(delivery)

    def in_order(self, instance: Instance, action: Callable[[], None]) -> None:
        """Run `action` in the instance's event chain: at once, unless an edit blocks it."""
        if instance.edit_in_flight:
            instance.backlog.append(action)
        else:
            action()

    def emit_blocking(self, instance: Instance, event: str, data: object) -> None:
        """Send an event that the instance's chain awaits, as messages.edited is on 2.3.7."""

        async def deliver() -> None:
            try:
                await self.emit_and_wait(instance, event, data)
            finally:
                instance.edit_in_flight = False
                while instance.backlog and not instance.edit_in_flight:
                    instance.backlog.popleft()()

        def start() -> None:
            instance.edit_in_flight = True
            self._background.spawn(deliver())

        self.in_order(instance, start)

    async def aclose(self) -> None:
        """Close the HTTP client."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def clear(self) -> None:
        """Forget the journal and everything held back."""
        self.journal.clear()
        self._held.clear()

    def _prepare(
        self, instance: Instance, event: str, data: object, top: dict[str, object]
    ) -> Delivery | None:
        webhook = instance.webhook
        if webhook is None or not webhook.wants(event):
            return None
        url = f"{webhook.url}/{PATHS[event]}" if webhook.by_events else webhook.url
        body = orjson.dumps(self._envelope(instance, webhook, DOTTED[event], data) | top)
        delivery = self.journal.open(instance.name, event, url, body)
        delivery.headers = _headers(webhook)
        return delivery

    def _envelope(self, instance: Instance, webhook: Webhook, event: str, data: object) -> Json:
        local = time.time() + self._settings.utc_offset_hours * 3600
        envelope: Json = {
            "event": event,
            "instance": instance.name,
            "data": data,
            "destination": webhook.url,
            # The server's local time with a false Z, as the real one writes it.
            "date_time": now_iso(local),
        }
        if instance.sender is not None:
            envelope["sender"] = instance.sender
        envelope["server_url"] = self._settings.server_url
        envelope["apikey"] = instance.token if self._settings.expose_apikey else None
        return envelope

    async def _carry(self, delivery: Delivery) -> None:
        if not delivery.url.startswith(("http://", "https://")):
            self.journal.close(delivery, Outcome.UNREACHABLE)
            return
        fault = self._fault(delivery) if self._faults else None
        if fault is not None and not await self._survives(fault, delivery):
            return
        late = list(self._held.get(delivery.instance, ()))
        await self._attempt_all(delivery)
        for held in late:
            self._release(held)

    def _fault(self, delivery: Delivery) -> FaultSpec | None:
        point = Point("evolution", delivery.event, delivery.instance, delivery.body)
        return self._faults.take(point, WEBHOOK_FAULTS)

    async def _survives(self, fault: FaultSpec, delivery: Delivery) -> bool:
        match fault.fault:
            case "drop_webhook":
                self.journal.close(delivery, Outcome.DROPPED)
                return False
            case "reorder_webhooks":
                self._hold(delivery, fault.seconds)
                return False
            case "duplicate_webhook":
                twin = self.journal.open(
                    delivery.instance, delivery.event, delivery.url, delivery.body
                )
                twin.headers = delivery.headers
                self._background.spawn(self._attempt_all(twin))
            case _:
                await asyncio.sleep(fault.seconds or 0)
        return True

    def _hold(self, delivery: Delivery, seconds: float | None) -> None:
        self._held.setdefault(delivery.instance, []).append(delivery)
        patience = _HELD_SECONDS if seconds is None else seconds
        self._background.later(patience, lambda: self._release(delivery))

    def _release(self, delivery: Delivery) -> None:
        held = self._held.get(delivery.instance, [])
        if delivery in held:
            held.remove(delivery)
            self._background.spawn(self._attempt_all(delivery))

    async def _attempt_all(self, delivery: Delivery) -> None:
        scale = self._settings.retry_scale
        for pause in [*retry_delays(self._settings.webhook_attempts), None]:
            status = await self._attempt(delivery)
            if status is not None and 200 <= status < 300:
                self.journal.close(delivery, Outcome.DELIVERED)
                return
            if status in NEVER_RETRIED:
                self.journal.close(delivery, Outcome.REFUSED)
                return
            if pause is not None:
                shaken = max(FIRST_RETRY_SECONDS, pause * self._ids.jitter(JITTER))
                await asyncio.sleep(shaken * scale)
        self.journal.close(delivery, Outcome.GAVE_UP)

    async def _attempt(self, delivery: Delivery) -> int | None:
        at = time.time()
        status, error = None, None
        try:
            async with self._turn(delivery.url):
                response = await self._http().post(
                    delivery.url, content=delivery.body, headers=delivery.headers
                )
            status = response.status_code
        except httpx2.HTTPError as failure:
            error = f"{type(failure).__name__}: {failure}"
        except httpx2.InvalidURL as failure:
            error = f"InvalidURL: {failure}"
        self.journal.tried(delivery, Attempt(at, status, error))
        return status

    @asynccontextmanager
    async def _turn(self, url: str) -> AsyncGenerator[None]:
        """Wait for one of the receiver's few fast lanes; a slow call gives its lane up.

        The real server has no such limit. It is here because each request costs the HTTP pool
        time for every open connection, so that a dozen deliver more than a hundred.
        """
        origin = "/".join(url.split("/", 3)[:3])
        gate = self._gates.setdefault(origin, asyncio.Semaphore(_FAST_LANES))
        await gate.acquire()
        taken = True

        def give_up() -> None:
            nonlocal taken
            if taken:
                taken = False
                gate.release()

        slow = asyncio.get_running_loop().call_later(_SLOW_SECONDS, give_up)
        try:
            yield
        finally:
            slow.cancel()
            give_up()

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                transport=self._transport,
                timeout=self._settings.webhook_timeout,
                follow_redirects=True,
                limits=httpx2.Limits(max_connections=512, max_keepalive_connections=128),
                trust_env=False,
            )
        return self._client


def _headers(webhook: Webhook) -> dict[str, str]:
    headers = _AXIOS | {name: str(value) for name, value in (webhook.headers or {}).items()}
    key = headers.pop("jwt_key", None)
    if key is not None:
        headers["Authorization"] = f"Bearer {webhook_token(key, int(time.time()))}"
    return headers
