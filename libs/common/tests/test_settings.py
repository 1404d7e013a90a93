"""Settings load from the environment, print no secret, and name what is missing."""

import pytest
from pydantic import BaseModel, SecretStr

from common.errors import InvalidInput
from common.settings import ServiceSettings, environment_name, load


class App(BaseModel):
    """What a provider knows us by."""

    client_id: str
    client_secret: SecretStr


class Settings(ServiceSettings, env_prefix="SHOP_"):
    """A service's settings."""

    hubspot: App | None = None


COMPLETE = {
    "SHOP_DATABASE_URL": "postgresql://shop:hunter2@db/parley_shop",
    "SHOP_KEYRING": "k1:sealed-key",
    "SHOP_INTERNAL_KEY": "signing-key",
    "SHOP_PORT": "8080",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "INTERNAL_TRUSTED_KEYS": '{"gateway": "abc"}',
    "CAPABILITY_KEYRING": "k1:capability-key",
    "OBJECT_STORE_URL": "file:///var/lib/parley",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_complete_environment_loads(environment: pytest.MonkeyPatch) -> None:
    settings = load(Settings)

    assert settings.sqlalchemy_url == "postgresql+asyncpg://shop:hunter2@db/parley_shop"
    assert settings.internal_trusted_keys == {"gateway": "abc"}
    assert settings.host == "127.0.0.1"


def test_no_secret_is_printed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SHOP_HUBSPOT__CLIENT_ID", "app")
    environment.setenv("SHOP_HUBSPOT__CLIENT_SECRET", "client-secret")

    shown = repr(load(Settings)) + str(load(Settings))

    for secret in ("hunter2", "sealed-key", "signing-key", "capability-key", "client-secret"):
        assert secret not in shown


def test_missing_and_wrong_variables_are_named_without_their_values(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.delenv("SHOP_KEYRING")
    environment.delenv("OBJECT_STORE_URL")
    environment.setenv("SHOP_DATABASE_URL", "mysql://root:hunter2@db")
    environment.setenv("SHOP_PORT", "99999")
    environment.setenv("SHOP_HUBSPOT__CLIENT_ID", "app")

    with pytest.raises(InvalidInput) as refusal:
        load(Settings)

    sentence = str(refusal.value)
    for name in ("SHOP_KEYRING", "OBJECT_STORE_URL", "SHOP_DATABASE_URL", "SHOP_PORT"):
        assert name in sentence
    assert "SHOP_HUBSPOT__CLIENT_SECRET" in sentence
    assert "hunter2" not in sentence
    assert "KAFKA_BOOTSTRAP_SERVERS" not in sentence


def test_a_value_that_is_not_json_is_named_too(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("INTERNAL_TRUSTED_KEYS", "{not json")

    with pytest.raises(InvalidInput, match="INTERNAL_TRUSTED_KEYS"):
        load(Settings)


def test_settings_cannot_be_changed(environment: pytest.MonkeyPatch) -> None:
    settings = load(Settings)

    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010 - mypy knows it is frozen; does it?


def test_a_field_knows_its_variable() -> None:
    assert environment_name(Settings, "pool_size") == "SHOP_POOL_SIZE"
    assert environment_name(Settings, "kafka_bootstrap_servers") == "KAFKA_BOOTSTRAP_SERVERS"
