"""Addresses that tenants choose: nothing inside our own network may be reached through them."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx2

from common.errors import InvalidInput

Resolve = Callable[[str, int], Awaitable[list[str]]]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+(%[\w.%-]+)?\]?")
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOOPBACK = IPv4Address("127.0.0.1")
_LAST_PORT = 65_535
_COMPATIBLE = IPv6Network("::/96")
_NEVER = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",  # this host
        "100.64.0.0/10",  # carrier-grade NAT; cloud metadata in some clouds
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "240.0.0.0/4",  # reserved and broadcast
        "fc00::/7",  # unique local, among them the cloud metadata address fd00:ec2::254
        "fec0::/10",  # site local, long deprecated, still routed by some
        "2001:db8::/32",  # documentation
    )
)


class SsrfGuard:
    """Decides which addresses may be called on a tenant's word.

    Args:
        allow: host names, addresses or networks (`10.1.0.0/16`) that are ours to allow, for a
            self-hosted Evolution next door.
        ports: the only ports to reach; None lets every port pass.
        resolve: (host, port) → addresses; the system's resolver by default.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        ports: frozenset[int] | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._networks, self._hosts = _allowed(allow)
        self._ports = ports
        self._resolve = resolve or _system_resolve

    def check_url(self, url: str | httpx2.URL) -> None:
        """Judge what can be judged without the network: use it when the address is set.

        Raises:
            InvalidInput: not http(s), credentials inside, no host, a port or address refused.
        """
        try:
            parsed = httpx2.URL(url) if isinstance(url, str) else url
        except (httpx2.InvalidURL, ValueError):
            raise InvalidInput("The address is not a URL.") from None
        host = parsed.raw_host.decode("ascii")
        if parsed.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
            raise InvalidInput("The address must begin with http:// or https:// and name a host.")
        if parsed.userinfo:
            raise InvalidInput("The address must not carry a user name or password.")
        port = parsed.port
        self._check_port(port if port is not None else 443 if parsed.scheme == "https" else 80)
        if (literal := _literal(parsed.host)) is not None and not self._is_ours(parsed.host):
            self._check(literal)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host to addresses that may be connected to.

        One forbidden address among good ones refuses the host: that is what rebinding looks like.

        Raises:
            InvalidInput: when the host points into a network that is not public.
            OSError: when it does not resolve.
        """
        self._check_port(port)
        found = await self._resolve(host, port)
        if not found:
            raise OSError(f"{host} has no address")
        if not self._is_ours(host):
            for address in found:
                self._check(ip_address(address.partition("%")[0]))
        return found

    def _is_ours(self, host: str) -> bool:
        return host.lower().rstrip(".") in self._hosts

    def _check_port(self, port: int) -> None:
        if not 0 < port <= _LAST_PORT:
            raise InvalidInput(f"Port {port} does not exist.")
        if self._ports is not None and port not in self._ports:
            raise InvalidInput(f"Port {port} is not allowed for this address.")

    def _check(self, address: Address) -> None:
        for plain in _unwrapped(address):
            if any(plain in network for network in self._networks):
                continue
            if not _is_public(plain):
                raise InvalidInput(
                    "The address points into a network that is not public.",
                    hint="Use a public address, or ask the operator to allow this one.",
                )


async def _system_resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _allowed(entries: Iterable[str]) -> tuple[tuple[Network, ...], frozenset[str]]:
    networks: list[Network] = []
    hosts: set[str] = set()
    for entry in entries:
        try:
            networks.append(ip_network(entry, strict=False))
        except ValueError:
            hosts.add(entry.lower().rstrip("."))
    return tuple(networks), frozenset(hosts)


def _literal(host: str) -> Address | None:
    """Give the address that a host is or always means, without asking anybody.

    Raises:
        InvalidInput: it looks like a number and is no address.
    """
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return None
    # What resolvers read as an address too: 2130706433, 0x7f.1, 0177.0.0.1.
    try:
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        raise InvalidInput("The address names no host: it ends in a number.") from None


def _unwrapped(address: Address) -> list[Address]:
    """The address, and the IPv4 address that hides in an IPv6 one."""
    if isinstance(address, IPv4Address):
        return [address]
    hidden = address.ipv4_mapped or address.sixtofour
    if hidden is None and address.teredo is not None:
        hidden = address.teredo[1]
    low = int(address) & 0xFFFFFFFF
    if hidden is None and any(address in block for block in (*_NAT64, _COMPATIBLE)) and low > 1:
        hidden = IPv4Address(low)
    if hidden is None:
        return [address]
    return [hidden] if address.ipv4_mapped else [address, hidden]


def _is_public(address: Address) -> bool:
    if any(address in block for block in _NEVER if block.version == address.version):
        return False
    return address.is_global and not address.is_multicast
