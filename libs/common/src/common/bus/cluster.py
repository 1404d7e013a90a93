"""How a Kafka cluster is reached, and who we are to it."""

from dataclasses import dataclass
from typing import Any, Self

from aiokafka.helpers import create_ssl_context
from pydantic import SecretStr

from common.errors import InvalidInput, Unavailable
from common.settings import KafkaProtocol, KafkaSettings, SaslMechanism


@dataclass(frozen=True, slots=True)
class Cluster:
    """The addresses of a cluster, and what it wants to see of us."""

    bootstrap: str
    protocol: KafkaProtocol = "PLAINTEXT"
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None

    @classmethod
    def of(cls, where: "str | Cluster") -> "Cluster":
        """Take bare addresses for a cluster that asks nobody who he is."""
        return Cluster(where) if isinstance(where, str) else where

    @classmethod
    def from_settings(cls, settings: KafkaSettings) -> Self:
        """Read it from the environment's settings."""
        return cls(
            settings.kafka_bootstrap_servers,
            settings.kafka_security_protocol,
            settings.kafka_ssl_ca_file,
            settings.kafka_ssl_certificate_file,
            settings.kafka_ssl_key_file,
            settings.kafka_sasl_mechanism,
            settings.kafka_sasl_username,
            settings.kafka_sasl_password,
        )

    def options(self) -> dict[str, Any]:
        """Give aiokafka's options; certificates are read again each time, so they may rotate.

        Raises:
            InvalidInput: a file cannot be read, or the user is missing; says which variable.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
        }
        if self.protocol in {"SSL", "SASL_SSL"}:
            options["ssl_context"] = self._certificates()
        if self.protocol.startswith("SASL"):
            if self.username is None or self.password is None:
                raise InvalidInput(
                    f"{self.protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD."
                )
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return options

    def _certificates(self) -> Any:
        try:
            return create_ssl_context(
                cafile=self.ca_file, certfile=self.certificate_file, keyfile=self.key_file
            )
        except OSError as error:  # ssl.SSLError is one
            raise InvalidInput(
                f"The certificates for Kafka cannot be read: {type(error).__name__}.",
                hint="Look at KAFKA_SSL_CA_FILE, …_CERTIFICATE_FILE and …_KEY_FILE.",
            ) from error


def away(cluster: Cluster, error: Exception) -> Unavailable:
    """Make the error of a tool that found nobody at the cluster's addresses."""
    return Unavailable(
        f"Kafka at {cluster.bootstrap} did not answer: {type(error).__name__}.",
        hint="Start it, or set KAFKA_BOOTSTRAP_SERVERS to where it is.",
    )
