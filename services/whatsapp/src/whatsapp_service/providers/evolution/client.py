"""The one client that can send a WhatsApp message."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Unpack

from common.contracts import MessageId
from common.errors import OutcomeUnknown, ParleyError, Refused, Unavailable
from common.http import ApiClient, CallOptions
from common.telemetry import get_logger
from whatsapp_service.domain.model import Integration, Qr, SentMessage, canonical_phone
from whatsapp_service.providers.evolution.errors import NameTaken, raise_for, refuse_unsent
from whatsapp_service.providers.evolution.translation.json_values import mapping, moment

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

_CREATE_SECONDS = 40.0
"""Creating with a QR code blocks for five seconds and more."""
_SEND_SECONDS = 20.0
_CLEANUP_SECONDS = 5.0
"""Of each step when a making is undone: somebody waits for the answer."""
_FOUND_PER_PAGE = 50
_GONE = frozenset({404})
_MISTAKES = frozenset(range(400, 600))
_AFTER_THE_FACT = frozenset({400, 408, *range(500, 600)})
"""Answers to a send that we read ourselves. Most say that the number's socket is closed, which is
no failure of the server (its breaker would stop all other numbers); and any 5xx may have come
after the message went out."""


class WebhookAddress(NamedTuple):
    """Where Evolution calls us, and the headers by which we know it."""

    url: str
    headers: dict[str, str]


class Evolution:
    """One Evolution server, with its global key."""

    def __init__(
        self,
        api: ApiClient,
        *,
        webhook_of: Callable[[Integration], WebhookAddress],
        create_seconds: float = _CREATE_SECONDS,
    ) -> None:
        self._api = api
        self._webhook_of = webhook_of
        self._create_seconds = create_seconds

    async def create(self, integration: Integration) -> tuple[str, Qr | None]:
        """Make the instance with our webhook; takes over one that an earlier try made.

        Returns:
            The instance's token, and a QR code when there is one at once.
        """
        try:
            answer = await self._api.request(
                "POST",
                "/instance/create",
                json={
                    "instanceName": integration.instance,
                    "integration": "WHATSAPP-BAILEYS",
                    "qrcode": True,
                    "groupsIgnore": False,
                    "webhook": self._webhook(integration),
                },
                timeout=self._create_seconds,
                deadline=self._create_seconds,
            )
        except NameTaken:
            return await self._take_over(integration)
        body = answer.json()
        if not isinstance(body, dict) or "instance" not in body:
            raise Refused("Evolution answered the creation with something unknown.")
        return str(body.get("hash") or ""), _qr(body.get("qrcode"))

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

    async def _take_over(self, integration: Integration) -> tuple[str, Qr | None]:
        name = integration.instance
        await self._api.request(
            "POST",
            f"/webhook/set/{name}",
            json={"webhook": self._webhook(integration)},
            safe_to_repeat=True,
        )
        rows = (
            await self._api.request(
                "GET", "/instance/fetchInstances", params={"instanceName": name}
            )
        ).json()
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        return str(row.get("token") or ""), await self.fetch_qr(integration)

    async def delete(self, integration: Integration) -> None:
        """Remove an instance: webhook off first, else Evolution waits for it for ever."""
        name = integration.instance
        off = {"enabled": False, "url": "http://nowhere.invalid", "events": []}
        await self._quietly("POST", f"/webhook/set/{name}", json={"webhook": off})
        await self._quietly("DELETE", f"/instance/logout/{name}")
        if not await self._quietly("DELETE", f"/instance/delete/{name}"):
            log.error("evolution.instance_left_behind", instance=name)

    async def _quietly(self, method: str, path: str, **options: Unpack[CallOptions]) -> bool:
        """Do a step of a clean-up; False when it may not have been done."""
        options["safe_to_repeat"] = True
        options["timeout"] = options["deadline"] = _CLEANUP_SECONDS
        options["expect"] = _GONE
        try:
            await self._api.request(method, path, **options)
        except ParleyError as error:
            log.info("evolution.cleanup_step_failed", path=path, error=str(error))
            return False
        return True

    async def fetch_qr(self, integration: Integration) -> Qr | None:
        """Ask for a QR code; starts the connection when it is closed."""
        answer = await self._api.request("GET", f"/instance/connect/{integration.instance}")
        return _qr(answer.json())

    async def show_typing(self, integration: Integration, jid: str, milliseconds: int) -> None:
        """Show "typing…" for a while; a failure is no reason not to send."""
        if milliseconds <= 0:
            return
        seconds = milliseconds / 1000 + 10
        try:
            await self._api.request(
                "POST",
                f"/chat/sendPresence/{integration.instance}",
                json={"number": jid, "presence": "composing", "delay": milliseconds},
                timeout=seconds,
                deadline=seconds,
                expect=_MISTAKES,
            )
        except ParleyError as error:
            log.info("evolution.typing_failed", error=str(error))

    async def send_text(self, integration: Integration, jid: str, text: str) -> SentMessage:
        """Send a text; sent only if the answer is a success and names the message."""
        answer = await self._api.request(
            "POST",
            f"/message/sendText/{integration.instance}",
            json={"number": jid, "text": text},
            timeout=_SEND_SECONDS,
            deadline=_SEND_SECONDS,
            expect=_AFTER_THE_FACT,
        )
        if answer.status in _AFTER_THE_FACT:
            raise_for(answer)
            raise OutcomeUnknown(f"Evolution answered {answer.status}; it may have sent it.")
        body = answer.json_or_none()
        refuse_unsent(body)
        sent = _sent(body)
        if sent is None:
            raise OutcomeUnknown("Evolution answered without a message id.")
        return sent

    async def find_sent(
        self, integration: Integration, jids: Sequence[str], *, text: str, since: datetime
    ) -> list[SentMessage]:
        """List what was sent to a person with these words since then, oldest first.

        Evolution may file a Brazilian number with or without its ninth digit, whichever we
        asked for; so both are looked up.
        """
        found: dict[str, SentMessage] = {}
        for spelling in dict.fromkeys(twin for jid in jids for twin in _spellings(jid)):
            answer = await self._api.request(
                "POST",
                f"/chat/findMessages/{integration.instance}",
                json={
                    "where": {
                        "key": {"remoteJid": spelling, "fromMe": True},
                        "messageTimestamp": {
                            "gte": _iso(since),
                            "lte": _iso(datetime.max.replace(year=2100, tzinfo=UTC)),
                        },
                    },
                    "page": 1,
                    "offset": _FOUND_PER_PAGE,
                },
                safe_to_repeat=True,
            )
            for record in _records(answer.json()):
                sent = _sent(record)
                if sent is not None and _words(record) == text and sent.sent_at >= since:
                    found[sent.message_id] = sent
        return sorted(found.values(), key=lambda sent: sent.sent_at)


def _qr(body: Any) -> Qr | None:
    """Read a QR code; `{"count": 0}` and the answer of an open instance have none."""
    if not isinstance(body, dict) or not (body.get("code") or body.get("base64")):
        return None
    return Qr(body.get("code"), body.get("base64"), body.get("pairingCode"))


def _sent(body: Any) -> SentMessage | None:
    if not isinstance(body, dict) or not isinstance(body.get("key"), dict):
        return None
    key_id = body["key"].get("id")
    if not isinstance(key_id, str) or not key_id:
        return None
    now = datetime.now(UTC)
    at = moment(body.get("messageTimestamp"), now=now) or now
    return SentMessage(MessageId(key_id), str(body["key"].get("remoteJid") or ""), at)


def _records(body: Any) -> list[Any]:
    """Read the found messages.

    Raises:
        Unavailable: it says nothing about what was found.
    """
    found = body.get("messages") if isinstance(body, dict) else None
    records = found.get("records") if isinstance(found, dict) else None
    if not isinstance(records, list):
        raise Unavailable("Evolution did not say what it has sent.")
    return records


def _words(record: dict[str, Any]) -> str:
    message = mapping(record.get("message"))
    extended = mapping(message.get("extendedTextMessage"))
    return str(message.get("conversation") or extended.get("text") or "")


def _spellings(jid: str) -> list[str]:
    """Give a JID and, for a Brazilian mobile, its twin without or with the ninth digit."""
    user, _, server = jid.partition("@")
    full = canonical_phone(f"+{user}").removeprefix("+")
    short = f"{full[:4]}{full[5:]}" if full.startswith("55") and len(full) == 13 else full  # noqa: PLR2004 - 55, area, nine digits
    twins = [user, full, short]
    return [f"{twin}@{server}" if server else twin for twin in dict.fromkeys(twins)]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
