"""The network under the HTTP client: what comes back, what breaks, TLS, on both event loops."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.http.network import AsyncioBackend

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, None]], None]
MEGABYTE = 1024 * 1024


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def in_loop(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work)

    return in_loop


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    async def and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(and_close, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def connected(port: int) -> httpcore2.AsyncNetworkStream:
    return await AsyncioBackend().connect_tcp("127.0.0.1", port, timeout=5)


async def all_of(stream: httpcore2.AsyncNetworkStream) -> bytes:
    whole = b""
    while part := await stream.read(65_536, timeout=5):
        assert len(part) <= 65_536
        whole += part
    return whole


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    size = int((await reader.readline()).decode())
    writer.write(await reader.readexactly(size))
    await writer.drain()


def test_megabytes_pass_in_both_directions_and_nothing_is_lost(run: Run) -> None:
    async def check() -> None:
        body = bytes(range(256)) * (20 * MEGABYTE // 256)
        async with serving(echo) as port:
            stream = await connected(port)
            await stream.write(f"{len(body)}\n".encode() + body, timeout=5)
            assert await all_of(stream) == body
            await stream.aclose()

    run(check())


def test_an_idle_connection_knows_that_the_other_side_has_gone(run: Run) -> None:
    async def check() -> None:
        leave = asyncio.Event()

        async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await leave.wait()

        async with serving(stay) as port:
            stream = await connected(port)
            assert stream.get_extra_info("is_readable") is False
            assert stream.get_extra_info("server_addr")[1] == port
            leave.set()
            assert await stream.read(100, timeout=5) == b""
            assert stream.get_extra_info("is_readable") is True
            await stream.aclose()
            with pytest.raises(httpcore2.WriteError):
                await stream.write(b"too late", timeout=1)

    run(check())


def test_what_does_not_come_in_time_is_a_timeout_and_the_connection_can_be_read_later(
    run: Run,
) -> None:
    async def check() -> None:
        speak = asyncio.Event()

        async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await speak.wait()
            writer.write(b"late")

        async with serving(late) as port:
            stream = await connected(port)
            with pytest.raises(httpcore2.ReadTimeout):
                await stream.read(100, timeout=0.01)
            speak.set()
            assert await all_of(stream) == b"late"
            await stream.aclose()

    run(check())


def test_a_reader_who_never_reads_makes_the_writer_wait(run: Run) -> None:
    async def check() -> None:
        done = asyncio.Event()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await done.wait()

        async with serving(deaf) as port:
            stream = await connected(port)
            with pytest.raises(httpcore2.WriteTimeout):
                await _write_for_ever(stream)
            done.set()
            await stream.aclose()

    run(check())


async def _write_for_ever(stream: httpcore2.AsyncNetworkStream) -> None:
    while True:
        await stream.write(bytes(MEGABYTE), timeout=0.1)


def test_a_closed_port_is_a_connect_error_and_the_next_address_is_tried(run: Run) -> None:
    async def check() -> None:
        async with serving(echo) as port:
            # The sandbox listens on IPv4 only; localhost may have both.
            stream = await AsyncioBackend().connect_tcp("localhost", port, timeout=5)
            await stream.aclose()
        with pytest.raises(httpcore2.ConnectError):
            await connected(port)
        with pytest.raises(httpcore2.ConnectError):
            await AsyncioBackend().connect_tcp("nowhere.invalid", 80, timeout=5)

    run(check())


def test_tls_is_agreed_on_with_whom_we_trust_only(run: Run, tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)

    async def check() -> None:
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(certificate, key)
        ours.set_alpn_protocols(["http/1.1"])
        trusting = ssl.create_default_context(cafile=certificate)
        trusting.set_alpn_protocols(["http/1.1"])
        body = bytes(range(256)) * (3 * MEGABYTE // 256)
        async with serving(echo, ours) as port:
            stream = await connected(port)
            secure = await stream.start_tls(trusting, "127.0.0.1", timeout=5)
            tls = secure.get_extra_info("ssl_object")
            assert tls.selected_alpn_protocol() == "http/1.1"
            await secure.write(f"{len(body)}\n".encode() + body, timeout=5)
            assert await all_of(secure) == body
            await secure.aclose()
            stranger = await connected(port)
            with pytest.raises(httpcore2.ConnectError):
                await stranger.start_tls(ssl.create_default_context(), "127.0.0.1", timeout=5)

    run(check())


def _certificate(folder: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(certificate), str(private)
