"""Load over HTTP from a process of its own: `python -m bench.load URL CONNECTIONS SECONDS`.

Reads one request body from standard input and sends it over and over on kept-alive connections;
prints counts by status and latencies in milliseconds as JSON. Plain sockets: a client library
would cost more than the server that is being measured.
"""

import asyncio
import sys
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import orjson


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, and again."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request = request
        self._until = until
        self._transport: asyncio.Transport | None = None
        self._began = 0.0
        self._buffer = b""
        self.ended = asyncio.get_running_loop().create_future()
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP gives a Transport
        self._next()

    def _next(self) -> None:
        self._began = time.perf_counter()
        if self._began > self._until:
            self._close()
        elif self._transport is not None:
            self._transport.write(self._request)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = 0
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(body) < length:
            return
        self._buffer = b""
        self.statuses[head[9:12].decode()] += 1
        self.latencies.append((time.perf_counter() - self._began) * 1000)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        if not self.ended.done():
            self.ended.set_result(None)


async def load(
    url: str, body: bytes, headers: dict[str, str], connections: int, seconds: float
) -> dict[str, Any]:
    """Send as fast as the answers come."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    request = "\r\n".join(lines).encode() + body
    until = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    made: list[_Connection] = []
    for _ in range(connections):
        _, one = await loop.create_connection(lambda: _Connection(request, until), host, port)
        made.append(one)
    await asyncio.gather(*(one.ended for one in made))
    latencies = sorted(value for one in made for value in one.latencies)
    statuses: Counter[str] = sum((one.statuses for one in made), Counter())
    return {
        "per_second": sum(statuses.values()) / seconds,
        "statuses": dict(statuses),
        "p50_ms": latencies[len(latencies) // 2] if latencies else None,
        "p99_ms": latencies[int(len(latencies) * 0.99)] if latencies else None,
    }


def main() -> None:
    """Read the body and the headers, send, print."""
    url, connections, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    headers = orjson.loads(sys.argv[4])
    found = asyncio.run(load(url, sys.stdin.buffer.read(), headers, connections, seconds))
    sys.stdout.buffer.write(orjson.dumps(found))


if __name__ == "__main__":
    main()
