"""An Evolution that only sends: `python -m bench.stub PORT MILLISECONDS`.

The sandbox serves some 900 sends a second with all it checks and remembers, less than what is to
be measured; so this one checks what a send must have, waits, and answers in Evolution's words.
"""

import asyncio
import sys
from typing import Any

import orjson
import uvloop

_REFUSED = b'{"status":400,"error":"Bad Request","response":{"message":["Text is required"]}}'


class _Ledger:
    """What was sent, and whether it was in order: the number of each chat's messages rises."""

    def __init__(self) -> None:
        self.sent = 0
        self.bad = 0
        self.out_of_order = 0
        self._last: dict[str, int] = {}

    def enter(self, body: dict[str, Any]) -> bytes:
        """Note a message; gives the answer."""
        self.sent += 1
        number, text = body["number"], body["text"]
        place = int(text.rpartition(" ")[2])
        self.out_of_order += place != self._last.get(number, -1) + 1
        self._last[number] = place
        return orjson.dumps(
            {
                "key": {"remoteJid": number, "fromMe": True, "id": f"3EB0{self.sent:016X}"},
                "pushName": "Você",
                "status": "PENDING",
                "message": {"conversation": text},
                "messageType": "conversation",
                "messageTimestamp": 1_795_469_719,
                "instanceId": "stub",
                "source": "web",
            }
        )

    def facts(self) -> bytes:
        """Say what was sent so far, and start anew."""
        facts = {"sent": self.sent, "bad": self.bad, "out_of_order": self.out_of_order}
        self._last.clear()
        self.sent = self.bad = self.out_of_order = 0
        return orjson.dumps(facts)


class _Server(asyncio.Protocol):
    """HTTP/1.1 as far as one client speaks it: a request, its answer, the next."""

    def __init__(self, ledger: _Ledger, seconds: float) -> None:
        self._ledger = ledger
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP gives a Transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._buffer = b""
        if head.startswith(b"GET "):
            self._answer(b"200 OK", self._ledger.facts())
        elif _is_send(head, body):
            answer = self._ledger.enter(orjson.loads(body))
            self._loop.call_later(self._seconds, self._answer, b"201 Created", answer)
        else:
            self._ledger.bad += 1
            self._answer(b"400 Bad Request", _REFUSED)

    def _answer(self, status: bytes, body: bytes) -> None:
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (status, len(body), body)
            )


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def _is_send(head: bytes, body: bytes) -> bool:
    """Whether it is what Evolution takes: the route, a key, a number and words."""
    if not head.startswith(b"POST /message/sendText/") or b"\r\napikey: " not in head.lower():
        return False
    wanted = orjson.loads(body)
    return bool(wanted.get("number")) and bool(str(wanted.get("text", "")).strip())


async def _serve(port: int, seconds: float) -> None:
    ledger = _Ledger()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Server(ledger, seconds), "127.0.0.1", port
    )
    await server.serve_forever()


def main() -> None:
    """Serve until stopped."""
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]) / 1000))


if __name__ == "__main__":
    main()
