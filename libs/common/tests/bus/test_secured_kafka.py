"""A broker that wants TLS, and to know who we are."""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from common.bus import Cluster, KafkaBus, Record
from common.bus.kafka import create_topics
from common.contracts import Topic
from common.errors import InvalidInput, Unavailable
from common.testing import eventually
from devstack import kafka, kafka_kit
from devstack.children import launch
from devstack.places import here
from devstack.ports import free_ports
from devstack.pytest_plugin import in_own_loop


class Secured(NamedTuple):
    """A running broker: one port wants a password, the other a certificate."""

    password_port: int
    certificate_port: int
    certificate: str
    key: str


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Start a broker of its own; the one of the session is open to all."""
    folder = tmp_path_factory.mktemp("secured")
    port, controller, with_password, with_certificate = free_ports(4)
    certificate, key = _certificate(folder)
    kit = kafka_kit.prepare(here(), kafka_kit.silent)
    plan = kafka.KafkaPlan(kit, folder / "kafka", folder / "kafka.log", port, controller)
    command = kafka.prepare(plan)
    properties = folder / "kafka" / "server.properties"
    text = properties.read_text()
    for name, value in {
        "listeners": f",PASS://127.0.0.1:{with_password},CERT://127.0.0.1:{with_certificate}",
        "advertised.listeners": f",PASS://127.0.0.1:{with_password},"
        f"CERT://127.0.0.1:{with_certificate}",
        "listener.security.protocol.map": ",PASS:SASL_SSL,CERT:SSL",
    }.items():
        text = text.replace(_line(text, name), f"{_line(text, name)}{value}")
    jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    text += (
        "inter.broker.listener.name=PLAINTEXT\nsasl.enabled.mechanisms=PLAIN\n"
        f'listener.name.pass.plain.sasl.jaas.config={jaas} user_parley="secret";\n'
        f"ssl.keystore.type=PEM\nssl.keystore.location={folder / 'both.pem'}\n"
        f"ssl.truststore.type=PEM\nssl.truststore.location={certificate}\n"
        "listener.name.cert.ssl.client.auth=required\n"
    )
    properties.write_text(text)
    child = launch(command)
    try:
        in_own_loop(kafka.wait_ready(plan, child))
        in_own_loop(create_topics(plan.bootstrap))
        yield Secured(with_password, with_certificate, str(certificate), str(key))
    finally:
        kafka.stop(plan, child)


def _line(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"{name}="))


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself, for the broker and for us."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "parley")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for file, content in {
        "certificate.pem": certificate,
        "key.pem": private,
        "both.pem": private + certificate,
    }.items():
        (folder / file).write_bytes(content)
    return folder / "certificate.pem", folder / "key.pem"


def _with_password(broker: Secured, password: str) -> Cluster:
    return Cluster(
        f"127.0.0.1:{broker.password_port}",
        protocol="SASL_SSL",
        ca_file=broker.certificate,
        mechanism="PLAIN",
        username="parley",
        password=SecretStr(password),
    )


def _with_certificate(broker: Secured) -> Cluster:
    return Cluster(
        f"127.0.0.1:{broker.certificate_port}",
        protocol="SSL",
        ca_file=broker.certificate,
        certificate_file=broker.certificate,
        key_file=broker.key,
    )


@pytest.mark.integration
@pytest.mark.parametrize("door", ["password", "certificate"])
async def test_a_record_goes_through_a_cluster_that_knows_us(secured: Secured, door: str) -> None:
    cluster = (
        _with_password(secured, "secret") if door == "password" else _with_certificate(secured)
    )
    bus = KafkaBus(cluster, client_id="test")
    heard: list[bytes] = []
    source = bus.source(f"group-{door}", [Topic.OAUTH_CALLBACKS])

    class _Listener:
        async def assigned(self, _: object) -> None:
            return

        async def revoked(self, _: object) -> None:
            return

    async with bus.producer() as producer:
        await producer.publish(Record(Topic.OAUTH_CALLBACKS, "k", door.encode(), []))
    await source.start(_Listener())
    try:

        async def arrived() -> bool:
            heard.extend(r.value or b"" for r in await source.poll(0.1))
            return door.encode() in heard

        await eventually(arrived, within=20)
    finally:
        await source.stop()


@pytest.mark.integration
async def test_a_wrong_password_publishes_nothing(secured: Secured) -> None:
    async with KafkaBus(_with_password(secured, "wrong")).producer() as producer:
        with pytest.raises(Unavailable):
            await producer.publish(Record(Topic.OAUTH_CALLBACKS, "k", b"x", []), deadline=2)


def test_a_certificate_that_is_not_there_is_said_at_once() -> None:
    cluster = Cluster("127.0.0.1:1", protocol="SSL", ca_file="/nowhere/ca.crt")
    with pytest.raises(InvalidInput, match="certificates"):
        cluster.options()


def test_a_password_protocol_without_a_user_names_the_variables() -> None:
    with pytest.raises(InvalidInput, match="KAFKA_SASL_USERNAME"):
        Cluster("127.0.0.1:1", protocol="SASL_SSL").options()
