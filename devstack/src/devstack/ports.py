"""Free TCP ports on the loopback address."""

import random
import socket
from collections.abc import Iterable, Iterator

from devstack.errors import StackError

# Below the range that Linux hands out to outgoing connections (32768 and up), so that a port
# found free is not taken by somebody's client socket before our server binds it.
_CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, taken: Iterable[int] = ()) -> int:
    """Find a port nobody listens on, the preferred one if it is free.

    Raises:
        StackError: no port is free.
    """
    busy = set(taken)
    for port in _in_order(preferred):
        if port not in busy and is_free(port):
            return port
    raise StackError(
        f"No TCP port between {_CANDIDATES.start} and {_CANDIDATES.stop - 1} is free on 127.0.0.1:"
        " stop something that listens there, then start again."
    )


def free_ports(count: int) -> list[int]:
    """Find several different free ports.

    Raises:
        StackError: not that many ports are free.
    """
    found: list[int] = []
    for _ in range(count):
        found.append(free_port(taken=found))
    return found


def _in_order(preferred: int | None) -> Iterator[int]:
    if preferred is not None:
        yield preferred
    yield from random.sample(_CANDIDATES, len(_CANDIDATES))
