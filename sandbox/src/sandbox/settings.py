"""What the sandbox reads from its environment, with defaults that need no configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_TRUE = frozenset({"1", "true", "yes", "on"})
_LAST_PORT = 65_535
_NO_ACKS = frozenset({"", "off", "none", "false", "0"})


@dataclass(frozen=True, slots=True)
class AckStep:
    """One delivery level that a sent message reaches by itself.

    Attributes:
        status: a WhatsApp level, for example ``DELIVERY_ACK``.
        seconds: time after the send.
    """

    status: str
    seconds: float


DEFAULT_ACKS = (
    AckStep("SERVER_ACK", 0.05),
    AckStep("DELIVERY_ACK", 0.1),
    AckStep("READ", 0.3),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How one sandbox behaves.

    Attributes:
        host: address to listen on.
        port: port to listen on.
        evolution_api_key: the global ``apikey`` of the Evolution stand-in.
        server_url: what Evolution writes in ``server_url`` of its webhooks.
        retry_scale: factor on the webhook retry delays (5 s, 10 s, ...).
        delay_scale: factor on the ``delay`` of sends and presences.
        connect_scale: factor on the waits of create (5 s) and connect (2 s).
        qr_refresh_seconds: how long one QR code is shown; the thirtieth is the last.
        webhook_timeout: seconds after which a webhook attempt counts as failed.
        webhook_attempts: attempts before an event is dropped.
        auto_acks: levels that sends reach by themselves; empty for none.
        expose_apikey: whether webhooks carry the instance token.
        utc_offset_hours: the server's local time, which its ``date_time`` calls UTC.
        openai_keys: accepted OpenAI keys; empty for every key that starts with ``sk-``.
    """

    host: str = "127.0.0.1"
    port: int = 9400
    evolution_api_key: str = "sandbox-global-key"
    server_url: str = "http://127.0.0.1:9400/evolution"
    retry_scale: float = 1.0
    delay_scale: float = 1.0
    connect_scale: float = 1.0
    qr_refresh_seconds: float = 45.0
    webhook_timeout: float = 30.0
    webhook_attempts: int = 10
    auto_acks: tuple[AckStep, ...] = DEFAULT_ACKS
    expose_apikey: bool = True
    utc_offset_hours: float = -3.0
    openai_keys: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read every ``SANDBOX_*`` variable; absent ones keep their default.

        Raises:
            ValueError: a number, the port or an acknowledgement plan does not parse.
        """
        env = os.environ if environment is None else environment
        default = cls()
        host = env.get("SANDBOX_HOST", default.host)
        port = int(env.get("SANDBOX_PORT", default.port))
        if not 0 <= port <= _LAST_PORT:
            raise ValueError(f"{port} is no port: they end at {_LAST_PORT}")
        acks = env.get("SANDBOX_AUTO_ACKS")
        keys = env.get("SANDBOX_OPENAI_KEYS", "")
        return cls(
            host=host,
            port=port,
            evolution_api_key=env.get("SANDBOX_EVOLUTION_API_KEY", default.evolution_api_key),
            server_url=env.get("SANDBOX_SERVER_URL", f"http://{host}:{port}/evolution"),
            retry_scale=float(env.get("SANDBOX_RETRY_SCALE", default.retry_scale)),
            delay_scale=float(env.get("SANDBOX_DELAY_SCALE", default.delay_scale)),
            connect_scale=float(env.get("SANDBOX_CONNECT_SCALE", default.connect_scale)),
            qr_refresh_seconds=float(
                env.get("SANDBOX_QR_REFRESH_SECONDS", default.qr_refresh_seconds)
            ),
            webhook_timeout=float(env.get("SANDBOX_WEBHOOK_TIMEOUT", default.webhook_timeout)),
            webhook_attempts=int(env.get("SANDBOX_WEBHOOK_ATTEMPTS", default.webhook_attempts)),
            auto_acks=default.auto_acks if acks is None else parse_acks(acks),
            expose_apikey=env.get("SANDBOX_EXPOSE_APIKEY", "true").lower() in _TRUE,
            utc_offset_hours=float(env.get("SANDBOX_UTC_OFFSET_HOURS", default.utc_offset_hours)),
            openai_keys=frozenset(key.strip() for key in keys.split(",") if key.strip()),
        )


def parse_acks(text: str) -> tuple[AckStep, ...]:
    """Read ``SERVER_ACK:0.05,READ:0.3``; ``off`` means none.

    Raises:
        ValueError: an entry is not ``STATUS:seconds``.
    """
    if text.strip().lower() in _NO_ACKS:
        return ()
    steps = []
    for entry in text.split(","):
        status, colon, seconds = entry.strip().partition(":")
        if not colon:
            raise ValueError(f"{entry!r} is not STATUS:seconds, for example SERVER_ACK:0.05")
        steps.append(AckStep(status.upper(), float(seconds)))
    return tuple(steps)
