"""Every process of the suite and the environment it is started with, in one place."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.databases import at_as
from devstack.secret_store import SecretStore

SERVICES = ("gateway", "whatsapp", "google", "crm", "agent")
SANDBOX = "sandbox"
HTTP = (*SERVICES, SANDBOX)
"""Processes that answer HTTP, each on a port of its own."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything of one session listens and lies."""

    postgres_url: str
    bootstrap: str
    ports: Mapping[str, int]
    objects: Path

    def url(self, name: str) -> str:
        """The base address of a service or of the sandbox."""
        return f"http://127.0.0.1:{self.ports[name]}"


def role(service: str) -> str:
    """Name the service's login role, which is also its database."""
    return f"parley_{service}"


def argv(service: str, *verb: str) -> list[str]:
    """How a service's own command line is called."""
    return [sys.executable, "-m", f"{service}_service", *verb]


def sandbox_argv() -> list[str]:
    """How the sandbox is started."""
    return [sys.executable, "-m", "sandbox"]


def in_process_argv() -> list[str]:
    """How all services are started in one process, where there is no Kafka."""
    return [sys.executable, "-m", "devstack.in_process"]


def everything(addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    """Every variable of every process; a service's own carry its prefix, so none clash."""
    merged = _shared(addresses, secrets)
    for service in SERVICES:
        merged |= _common(service, addresses, secrets) | _own(service, addresses, secrets)
    return merged | sandbox(addresses, secrets)


def of(service: str, addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    """What one service finds in its environment, and nothing of its neighbours' secrets."""
    return {
        **_inherited(),
        **_shared(addresses, secrets),
        **_common(service, addresses, secrets),
        **_own(service, addresses, secrets),
    }


def of_all(addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    """What the process that runs all services finds in its environment."""
    return {**_inherited(), **everything(addresses, secrets)}


def sandbox(addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    """What the sandbox finds in its environment."""
    return {
        "SANDBOX_HOST": "127.0.0.1",
        "SANDBOX_PORT": str(addresses.ports[SANDBOX]),
        "SANDBOX_EVOLUTION_API_KEY": secrets.password("evolution"),
        "SANDBOX_OPENAI_KEYS": _openai_key(secrets),
        # A person at a demo should not wait through the real provider's pauses.
        "SANDBOX_CONNECT_SCALE": "0.05",
    }


def of_sandbox(addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    """The whole environment of the sandbox's process."""
    return {**_inherited(), **sandbox(addresses, secrets)}


def _inherited() -> dict[str, str]:
    """What a child needs of ours: the path, the locale, certificates, not our secrets."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _shared(addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    trusted = {service: secrets.internal_key(service)[1] for service in SERVICES}
    return {
        "KAFKA_BOOTSTRAP_SERVERS": addresses.bootstrap,
        "OBJECT_STORE_URL": addresses.objects.as_uri(),
        "CAPABILITY_KEYRING": secrets.keyring("capability"),
        "INTERNAL_TRUSTED_KEYS": json.dumps(trusted, separators=(",", ":")),
    }


def _common(service: str, addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    prefix = service.upper()
    name = role(service)
    return {
        f"{prefix}_DATABASE_URL": at_as(
            addresses.postgres_url, database=name, user=name, password=secrets.password(name)
        ),
        f"{prefix}_HOST": "127.0.0.1",
        f"{prefix}_PORT": str(addresses.ports[service]),
        f"{prefix}_KEYRING": secrets.keyring(service),
        f"{prefix}_INTERNAL_KEY": secrets.internal_key(service)[0],
    }


def _own(service: str, addresses: Addresses, secrets: SecretStore) -> dict[str, str]:
    match service:
        case "gateway":
            others = [name for name in SERVICES if name != "gateway"]
            return {
                "GATEWAY_PUBLIC_URL": addresses.url("gateway"),
                "GATEWAY_WEBHOOK_SECRET": secrets.password("webhook"),
                "GATEWAY_OPERATOR_KEY": secrets.password("operator"),
                **{f"GATEWAY_{name.upper()}_URL": addresses.url(name) for name in others},
            }
        case "whatsapp":
            return {
                "WHATSAPP_EVOLUTION_URL": f"{addresses.url(SANDBOX)}/evolution",
                "WHATSAPP_EVOLUTION_API_KEY": secrets.password("evolution"),
                "WHATSAPP_AGENT_URL": addresses.url("agent"),
                "WHATSAPP_GATEWAY_PUBLIC_URL": addresses.url("gateway"),
            }
        case "agent":
            return {
                "AGENT_OPENAI_BASE_URL": f"{addresses.url(SANDBOX)}/openai/v1",
                "AGENT_OPENAI_API_KEY": _openai_key(secrets),
                "AGENT_OPENAI_MODEL": "gpt-5.4-mini",
                "AGENT_TRANSCRIPTION_MODEL": "gpt-transcribe",
            }
        case _:
            return {}


def _openai_key(secrets: SecretStore) -> str:
    return f"sk-{secrets.password('openai')}"
