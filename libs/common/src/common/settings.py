"""Groups of settings: what a service reads from its environment, typed, frozen and sealed."""

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    Field,
    PostgresDsn,
    Secret,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from common.errors import InvalidInput

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose one."""

_FIELD = re.compile(r'field "(\w+)"')

S = TypeVar("S", bound="KafkaSettings")


KafkaProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaSettings(BaseSettings):
    """Where Kafka is, and who we are to it; one name for all services and tools."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    kafka_bootstrap_servers: str = Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS", min_length=1)
    kafka_security_protocol: KafkaProtocol = Field(
        "PLAINTEXT", validation_alias="KAFKA_SECURITY_PROTOCOL"
    )
    """`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""
    kafka_ssl_ca_file: str | None = Field(None, validation_alias="KAFKA_SSL_CA_FILE")
    """Who vouches for the brokers (PEM); without it, whom the system trusts."""
    kafka_ssl_certificate_file: str | None = Field(
        None, validation_alias="KAFKA_SSL_CERTIFICATE_FILE"
    )
    """Our own certificate (PEM), where the brokers ask for one."""
    kafka_ssl_key_file: str | None = Field(None, validation_alias="KAFKA_SSL_KEY_FILE")
    """Its key (PEM)."""
    kafka_sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-512", validation_alias="KAFKA_SASL_MECHANISM"
    )
    kafka_sasl_username: str | None = Field(None, validation_alias="KAFKA_SASL_USERNAME")
    kafka_sasl_password: SecretStr | None = Field(None, validation_alias="KAFKA_SASL_PASSWORD")


class ServiceSettings(KafkaSettings):
    """What every service reads; a service subclasses it with its own `env_prefix`.

    Own values carry the prefix (`CRM_DATABASE_URL`); what all services share has one name.
    Nothing here has a default that would be unsafe in production: an address to listen on
    is the loopback, and every secret must be given.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )

    database_url: Secret[PostgresDsn]
    """Where the service keeps its data; any `postgresql…://` form."""
    keyring: SecretStr
    """`k1:<base64 of 32 bytes>[,k2:…]`: the first key seals, all of them open."""
    internal_key: SecretStr
    """The service's own Ed25519 private key (32 bytes, base64url): signs internal tokens."""
    host: str = "127.0.0.1"
    port: Port
    pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    statement_seconds: Annotated[float, Field(ge=1, le=600)] = 10.0
    """How long one SQL statement may take until Postgres counts as away; migrations may longer."""
    log_level: LogLevel = "INFO"

    kafka_session_seconds: Annotated[float, Field(ge=1, le=300)] = Field(
        12.0, validation_alias="KAFKA_SESSION_SECONDS"
    )
    """How long a consumer that died silently keeps its partitions from the others."""
    internal_trusted_keys: dict[str, str] = Field(validation_alias="INTERNAL_TRUSTED_KEYS")
    """Whose internal tokens may be believed: service → Ed25519 public key (base64url)."""
    capability_keyring: SecretStr = Field(validation_alias="CAPABILITY_KEYRING")
    """The keys of webhook addresses and OAuth states; written like `keyring`."""
    object_store_url: str = Field(validation_alias="OBJECT_STORE_URL", min_length=1)
    """`file:///…` or `s3://bucket/prefix`."""
    otlp_endpoint: str | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Where spans go over OTLP/HTTP; without it no span is ever made."""

    @property
    def sqlalchemy_url(self) -> str:
        """Give the database address as SQLAlchemy wants it; it holds the password."""
        address = str(self.database_url.get_secret_value())
        return f"postgresql+asyncpg://{address.partition('://')[2]}"


def load(settings_class: type[S]) -> S:
    """Read the settings from the environment.

    Raises:
        InvalidInput: with one sentence that names each missing or wrong variable, never a value.
    """
    try:
        return settings_class()
    except ValidationError as failure:
        raise InvalidInput(_sentence(settings_class, failure)) from None
    except SettingsError as failure:
        # Raised before validation, when a structured value is not JSON; it only says which field.
        field = _FIELD.search(str(failure))
        name = environment_name(settings_class, field[1]) if field else "a structured value"
        raise InvalidInput(
            f"Settings are incomplete: please correct {name} (not valid JSON) in the environment."
        ) from None


def environment_name(settings_class: type[BaseSettings], field: str) -> str:
    """Name the environment variable a field is read from."""
    info = settings_class.model_fields.get(field)
    if isinstance(info, FieldInfo) and isinstance(info.validation_alias, str):
        return info.validation_alias
    return f"{settings_class.model_config.get('env_prefix', '')}{field}".upper()


def _sentence(settings_class: type[BaseSettings], failure: ValidationError) -> str:
    missing: list[str] = []
    wrong: list[str] = []
    for error in failure.errors(include_url=False, include_input=False, include_context=False):
        name = _variable(settings_class, error["loc"])
        if error["type"] == "missing":
            missing.append(name)
        else:
            wrong.append(f"{name} ({error['msg']})")
    parts = []
    if missing:
        parts.append(f"set {', '.join(missing)}")
    if wrong:
        parts.append(f"correct {', '.join(wrong)}")
    return f"Settings are incomplete: please {' and '.join(parts)} in the environment."


def _variable(settings_class: type[BaseSettings], location: tuple[Any, ...]) -> str:
    """Turn pydantic's location into the variable's name; nested names join with `__`."""
    head, *rest = (str(part) for part in location)
    aliases = {info.validation_alias for info in settings_class.model_fields.values()}
    name = head if head in aliases else environment_name(settings_class, head)
    return "__".join([name, *(part.upper() for part in rest)])
