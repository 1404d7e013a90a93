"""Each process finds its own settings, the shared ones, and none of its neighbours' secrets."""

import json
from pathlib import Path

import pytest

from devstack import environment, secret_store
from devstack.environment import HTTP, SERVICES, Addresses
from devstack.errors import StackError


@pytest.fixture
def addresses() -> Addresses:
    ports = {name: 20_000 + number for number, name in enumerate(HTTP)}
    return Addresses(
        "postgresql://postgres:x@127.0.0.1:1/postgres", "127.0.0.1:2", ports, Path("/objects")
    )


@pytest.fixture
def secrets(tmp_path: Path) -> secret_store.SecretStore:
    return secret_store.load(tmp_path / "secrets.json")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_finds_its_database_port_and_keys(
    service: str, addresses: Addresses, secrets: secret_store.SecretStore
) -> None:
    found = environment.of(service, addresses, secrets)
    prefix = service.upper()
    assert f"//parley_{service}:" in found[f"{prefix}_DATABASE_URL"]
    assert found[f"{prefix}_DATABASE_URL"].endswith(f"@127.0.0.1:1/parley_{service}")
    assert found[f"{prefix}_PORT"] == str(addresses.ports[service])
    assert found[f"{prefix}_KEYRING"].startswith("k1:")
    assert set(json.loads(found["INTERNAL_TRUSTED_KEYS"])) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_not_find_its_neighbours_secrets(
    service: str, addresses: Addresses, secrets: secret_store.SecretStore
) -> None:
    values = set(environment.of(service, addresses, secrets).values())
    for other in SERVICES:
        if other != service:
            assert secrets.internal_key(other)[0] not in values
            assert secrets.keyring(other) not in values


def test_only_whatsapp_holds_the_evolution_key(
    addresses: Addresses, secrets: secret_store.SecretStore
) -> None:
    holders = [
        service
        for service in SERVICES
        if secrets.password("evolution") in environment.of(service, addresses, secrets).values()
    ]
    assert holders == ["whatsapp"]


def test_our_own_environment_does_not_leak_into_children(
    addresses: Addresses, secrets: secret_store.SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "private")
    assert "AWS_SECRET_ACCESS_KEY" not in environment.of("crm", addresses, secrets)


def test_secrets_survive_a_restart_and_are_the_owners_only(
    tmp_path: Path, secrets: secret_store.SecretStore
) -> None:
    keyring, key = secrets.keyring("crm"), secrets.internal_key("crm")
    secrets.save()

    again = secret_store.load(tmp_path / "secrets.json")

    assert (again.keyring("crm"), again.internal_key("crm")) == (keyring, key)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_secrets_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(StackError, match="remove the folder"):
        secret_store.load(tmp_path / "secrets.json")
