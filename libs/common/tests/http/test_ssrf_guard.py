"""No address that a tenant sets reaches into our own network, however it is spelt."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx2
import pytest

from common.errors import InvalidInput, ParleyError, Unavailable
from common.http import ApiClient, ApiProfile, RetryPolicy, SsrfGuard, open_wire

Failing = Callable[[Awaitable[object]], Awaitable[ParleyError]]

INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",  # noqa: S104 - an address to refuse, not to bind
    "0.1.2.3",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"]


class Names:
    """A resolver whose answers a test writes, one list per look-up; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_points_inside_is_refused(address: str) -> None:
    guard = SsrfGuard(resolve=Names([address]))

    with pytest.raises(InvalidInput, match="not public"):
        await guard.addresses("evil.example", 443)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_already_when_it_is_set(address: str) -> None:
    host = f"[{address.replace('%', '%25')}]" if ":" in address else address

    with pytest.raises(InvalidInput):
        SsrfGuard().check_url(f"https://{host}/x")


@pytest.mark.parametrize("address", OUTSIDE)
async def test_a_public_address_passes(address: str) -> None:
    guard = SsrfGuard(resolve=Names([address]))

    assert await guard.addresses("fine.example", 443) == [address]


@pytest.mark.parametrize(
    "spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"]
)
async def test_a_strange_spelling_of_loopback_is_refused_after_resolving(spelling: str) -> None:
    guard = SsrfGuard()

    with pytest.raises((InvalidInput, OSError)):
        await guard.addresses(spelling, 80)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "10.1",
        "1.2.3.4.5",
        "x.example.256",
        "99999999999",
    ],
)
def test_a_host_that_can_only_mean_an_address_inside_is_refused_when_it_is_set(host: str) -> None:
    with pytest.raises(InvalidInput):
        SsrfGuard().check_url(f"http://{host}/x")


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_does_not_exist_is_refused(port: str) -> None:
    with pytest.raises(InvalidInput, match=f"Port {port}"):
        SsrfGuard().check_url(f"https://x.example:{port}/")


def test_hosts_with_numbers_and_those_that_the_operator_allows_may_be_set() -> None:
    for url in ("https://x1.example", "https://134744072/", "https://8.8.2056/"):
        SsrfGuard().check_url(url)
    SsrfGuard(allow=["localhost"]).check_url("http://localhost:8080/")
    SsrfGuard(allow=["127.0.0.0/8"]).check_url("http://localhost:8080/")


async def test_one_address_inside_among_public_ones_refuses_the_host() -> None:
    guard = SsrfGuard(resolve=Names(["8.8.8.8", "10.0.0.1"]))

    with pytest.raises(InvalidInput):
        await guard.addresses("evil.example", 443)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://x.example/",
        "ftp://x.example/",
        "https://user:pass@x.example/",
        "https://user@x.example/",
        "https:///x",
        "//x.example/",
        "x.example",
        "",
        "http://[",
        "https://x.example:22/",
    ],
)
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        SsrfGuard(ports=frozenset({80, 443})).check_url(url)


async def test_what_the_operator_allows_passes() -> None:
    names = Names(["10.1.2.3"])

    by_name = SsrfGuard(allow=["evolution.internal"], resolve=names)
    by_network = SsrfGuard(allow=["10.1.0.0/16"], resolve=names)

    assert await by_name.addresses("Evolution.Internal.", 8080) == ["10.1.2.3"]
    assert await by_network.addresses("any.example", 8080) == ["10.1.2.3"]
    by_network.check_url("http://10.1.2.3:8080")
    with pytest.raises(InvalidInput):
        await by_name.addresses("other.example", 8080)
    with pytest.raises(InvalidInput):
        by_network.check_url("http://10.2.0.1")


class Inside:
    """A service on loopback that must not be reached by a tenant's word."""

    def __init__(self) -> None:
        self.reached = 0
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def inside() -> AsyncGenerator[Inside]:
    service = Inside()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service


async def fetch(guard: SsrfGuard, url: str) -> int:
    async with open_wire(guard=guard) as wire:
        client = ApiClient(wire, ApiProfile("media", retry=RetryPolicy(attempts=1)))
        response = await client.request("GET", url, follow_redirects=True)
        return response.status


async def test_the_connection_goes_to_the_address_that_was_checked(inside: Inside) -> None:
    names = Names(["127.0.0.1"])
    guard = SsrfGuard(allow=["friend.example"], resolve=names)

    assert await fetch(guard, f"http://friend.example:{inside.port}/") == 200
    assert names.asked == 1


async def test_a_name_that_changes_after_it_was_checked_gains_nothing(
    inside: Inside, failing: Failing
) -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    guard = SsrfGuard(resolve=names)
    guard.check_url(f"http://rebind.example:{inside.port}/")
    await guard.addresses("rebind.example", inside.port)

    failure = await failing(fetch(guard, f"http://rebind.example:{inside.port}/"))

    assert isinstance(failure, InvalidInput)
    assert inside.reached == 0


async def test_a_redirect_inside_is_refused(inside: Inside, failing: Failing) -> None:
    location = f"http://127.0.0.1:{inside.port}/secret"
    inside.answer = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\n\r\n".encode()
    guard = SsrfGuard(allow=["friend.example"], resolve=Names(["127.0.0.1"]))

    failure = await failing(fetch(guard, f"http://friend.example:{inside.port}/"))

    assert isinstance(failure, InvalidInput)
    assert inside.reached == 1


async def test_a_name_that_does_not_resolve_is_unavailable(failing: Failing) -> None:
    async def nothing(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    failure = await failing(fetch(SsrfGuard(resolve=nothing), "http://gone.example/"))

    assert isinstance(failure, Unavailable)


async def test_the_next_address_is_tried_when_one_does_not_answer(inside: Inside) -> None:
    guard = SsrfGuard(allow=["friend.example"], resolve=Names(["127.0.0.9", "127.0.0.1"]))

    assert await fetch(guard, f"http://friend.example:{inside.port}/") == 200


def test_a_url_object_is_judged_like_its_text() -> None:
    with pytest.raises(InvalidInput):
        SsrfGuard().check_url(httpx2.URL("http://127.0.0.1/"))
