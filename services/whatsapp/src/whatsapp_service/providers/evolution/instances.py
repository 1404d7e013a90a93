"""Evolution's instances: made, connected, asked how they stand, and removed for good.

Facts: Evolution API 2.3.7, observed (https://github.com/evolution-foundation/evolution-api).
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

from common.contracts import ConnectionState
from common.errors import (
    Conflict,
    OutcomeUnknown,
    ParleyError,
    Refused,
    Unavailable,
)
from common.http import ApiClient, CallOptions
from common.telemetry import get_logger
from whatsapp_service.domain.model import Integration, Qr, Sighting, Transport
from whatsapp_service.domain.ports.numbers import InstanceGone, Made
from whatsapp_service.providers.evolution.errors import NameTaken, NoEvolution
from whatsapp_service.providers.evolution.translation.connection import why_closed
from whatsapp_service.providers.evolution.translation.json_values import integer, mapping, text

log = get_logger()

EVENTS = (
    "QRCODE_UPDATED",
    "CONNECTION_UPDATE",
    "STATUS_INSTANCE",
    "LOGOUT_INSTANCE",
    "REMOVE_INSTANCE",
    "MESSAGES_UPSERT",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "CONTACTS_UPSERT",
    "CONTACTS_UPDATE",
    "GROUPS_UPSERT",
    "GROUP_PARTICIPANTS_UPDATE",
    "CALL",
)
"""What we subscribe to. Not MESSAGES_EDITED: Evolution 2.3 awaits that one delivery, so a
receiver that is away for a minute stops all later messages of the number (observed)."""

_KINDS = {
    Transport.BAILEYS: "WHATSAPP-BAILEYS",
    Transport.CLOUD_API: "WHATSAPP-BUSINESS",
    Transport.EVOLUTION: "EVOLUTION",
}
_CLEANUP_SECONDS = 5.0
"""Of each step when a making is undone: it is begun again until it is done."""
_REFUSALS = frozenset({400})
_QUICK: CallOptions = {"timeout": 5.0, "deadline": 10.0}
ORDER_SECONDS = 8.0
"""Of a call that an operator waits for; an order is three of them at most."""


class WebhookAddress(NamedTuple):
    """Where Evolution calls us, and the headers by which we know it."""

    url: str
    headers: dict[str, str]


class EvolutionNumbers:
    """The instances of one Evolution server, with its global key."""

    def __init__(
        self,
        api: ApiClient,
        *,
        webhook_of: Callable[[Integration], WebhookAddress],
        create_seconds: float,
    ) -> None:
        self._api = api
        self._webhook_of = webhook_of
        self._create_seconds = create_seconds

    async def create(self, integration: Integration, *, token: str | None = None) -> Made:
        """Make the instance with our webhook; takes over one that an earlier try made.

        Raises:
            OutcomeUnknown: all of it took longer than somebody waits for.
        """
        try:
            async with asyncio.timeout(self._create_seconds):
                return await self._create(integration, token)
        except TimeoutError:
            waited = f"{self._create_seconds:g} seconds"
            raise OutcomeUnknown(f"Evolution did not answer within {waited}.") from None

    async def _create(self, integration: Integration, token: str | None) -> Made:
        limit = self._create_seconds
        try:
            answer = await self._api.request(
                "POST",
                "/instance/create",
                json=self._order(integration, token),
                timeout=limit,
                deadline=limit,
            )
        except NameTaken:
            return await self.adopt(integration)
        except InstanceGone as error:
            # There was none to be unknown: whoever answers 404 here is somebody else.
            raise NoEvolution(str(error)) from error
        body = answer.json()
        if not isinstance(body, dict) or "instance" not in body:
            raise Refused("Evolution answered the creation with something unknown.")
        is_open = not integration.account.transport.is_scanned
        return Made(_token(body.get("hash")), _qr(body.get("qrcode")), is_open)

    def _order(self, integration: Integration, token: str | None) -> dict[str, Any]:
        account = integration.account
        order: dict[str, Any] = {
            "instanceName": integration.instance,
            "integration": _KINDS[account.transport],
            "qrcode": account.transport.is_scanned,
            "groupsIgnore": False,
            "webhook": self._webhook(integration),
        }
        given = {"number": account.number, "businessId": account.business_id, "token": token}
        return order | {name: value for name, value in given.items() if value}

    def _webhook(self, integration: Integration) -> dict[str, Any]:
        address = self._webhook_of(integration)
        return {
            "enabled": True,
            "url": address.url,
            "byEvents": False,
            "base64": True,
            "headers": address.headers,
            # Always a list: without it Evolution answers 400 and deletes the instance later.
            "events": list(EVENTS),
        }

    async def adopt(self, integration: Integration) -> Made:
        """Take over an instance whose making was cut off; its webhook may be missing."""
        await self.set_webhook(integration)
        row = await self._row(integration)
        is_open = row.get("connectionStatus") == "open"
        waits = integration.account.transport.is_scanned and not is_open
        qr = await self.fetch_qr(integration) if waits else None
        return Made(str(row.get("token") or ""), qr, is_open)

    async def _row(self, integration: Integration) -> dict[str, Any]:
        rows = (
            await self._api.request(
                "GET", "/instance/fetchInstances", params={"instanceName": integration.instance}
            )
        ).json()
        return mapping(rows[0]) if isinstance(rows, list) and rows else {}

    async def set_webhook(self, integration: Integration) -> None:
        """Let Evolution call the address of the integration's generation from now on."""
        await self._set_webhook(integration, self._webhook(integration))

    async def _set_webhook(self, integration: Integration, block: dict[str, Any]) -> None:
        await self._api.request(
            "POST",
            f"/webhook/set/{integration.instance}",
            json={"webhook": block},
            safe_to_repeat=True,
        )

    async def discard(self, instance: str) -> bool:
        """Remove what a failed making left, whatever state it is in; False if it may be there.

        Its webhook goes first, as with `remove`.
        """
        await self._quietly("POST", f"/webhook/set/{instance}", json={"webhook": _OFF})
        await self._quietly("DELETE", f"/instance/logout/{instance}")
        return await self._quietly("DELETE", f"/instance/delete/{instance}")

    async def _quietly(self, method: str, path: str, **options: Unpack[CallOptions]) -> bool:
        """Do a step of a clean-up; False when it may not have been done."""
        options["safe_to_repeat"] = True
        options["timeout"] = options["deadline"] = _CLEANUP_SECONDS
        try:
            await self._api.request(method, path, **options)
        except InstanceGone:
            return True
        except ParleyError as error:
            log.info("evolution.cleanup_step_failed", path=path, error=str(error))
            return False
        return True

    async def remove(self, integration: Integration) -> bool:
        """Do what removes an instance; False while Evolution still has it.

        Its webhook goes first: the removal itself is announced by webhook, and waits for that
        delivery, for twenty minutes when nobody takes it (observed on 2.3.7).
        """
        name = integration.instance
        try:
            await self._set_webhook(integration, _OFF)
            await self.log_out(integration)
            await self._api.request("DELETE", f"/instance/delete/{name}", expect=_REFUSALS)
            await self._api.request("GET", f"/instance/connectionState/{name}", **_QUICK)
        except InstanceGone:
            return True
        return False

    async def log_out(self, integration: Integration) -> None:
        """Unlink the number from its phone; 2.3 answers 400 when it is unlinked already."""
        await self._api.request(
            "DELETE",
            f"/instance/logout/{integration.instance}",
            expect=_REFUSALS,
            timeout=ORDER_SECONDS,
            deadline=ORDER_SECONDS,
        )

    async def state(self, integration: Integration) -> Sighting:
        """Ask how the number stands; of a closed one, also why."""
        path = f"/instance/connectionState/{integration.instance}"
        answer = (await self._api.request("GET", path, **_QUICK)).json_or_none()
        match mapping(mapping(answer).get("instance")).get("state"):
            case "open":
                return Sighting(ConnectionState.OPEN)
            case "connecting":
                return Sighting(ConnectionState.CONNECTING)
            case "close" | "closed" | "refused":
                row = await self._row(integration)
                state, reason = why_closed(integer(row.get("disconnectionReasonCode")))
                return Sighting(state, reason)
        raise Unavailable("Evolution did not say how the number stands.")

    async def restart(self, integration: Integration) -> bool:
        """Connect anew without a scan; a failure is a 200 that says `error`."""
        path = f"/instance/restart/{integration.instance}"
        answer = await self._api.request(
            "POST", path, safe_to_repeat=True, timeout=ORDER_SECONDS, deadline=ORDER_SECONDS
        )
        return "instance" in mapping(answer.json_or_none())

    async def fetch_qr(self, integration: Integration, *, phone: str | None = None) -> Qr | None:
        """Ask for a QR code, or a pairing code; starts the connection when it is closed.

        Raises:
            Conflict: Evolution could not start it; that is a 200 that says `error`.
        """
        answer = await self._api.request(
            "GET",
            f"/instance/connect/{integration.instance}",
            params={"number": phone} if phone else {},
            timeout=ORDER_SECONDS,
            deadline=ORDER_SECONDS,
        )
        body = answer.json()
        if isinstance(body, dict) and body.get("error"):
            raise Conflict("Evolution could not start the connection.", hint="Try again.")
        return _qr(body)


_OFF = {"enabled": False, "url": "http://nowhere.invalid", "events": []}


def _token(value: Any) -> str:
    """Read an instance's own key; the versions before 2.2 put it into an object."""
    return text(mapping(value).get("apikey")) or text(value) or ""


def _qr(body: Any) -> Qr | None:
    """Read a QR code; `{"count": 0}` and the answer of an open instance have none."""
    shown = mapping(body)
    code, image = text(shown.get("code")), text(shown.get("base64"))
    return Qr(code, image, text(shown.get("pairingCode"))) if code or image else None
