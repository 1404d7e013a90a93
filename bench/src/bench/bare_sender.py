"""The raw limit of sending: `python -m bench.bare_sender URL COUNT CHATS AT_ONCE`.

A bare httpx2 loop: the same calls as the worker's, as many at once, each chat's one after the
other; on the same event loop and with the same client library, and nothing else. Prints messages
per second.
"""

import asyncio
import sys
import time

import httpx2
import orjson
import uvloop


async def _run(url: str, count: int, chats: int, at_once: int) -> float:
    waiting = iter(range(chats))
    each = count // chats
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx2.AsyncClient(limits=limits, headers={"apikey": "bare"}) as client:

        async def work() -> None:
            for chat in waiting:
                for n in range(each):
                    body = {"number": f"55119{chat:08}@s.whatsapp.net", "text": f"message {n}"}
                    response = await client.post(
                        f"{url}/message/sendText/bench",
                        content=orjson.dumps(body),
                        headers={"content-type": "application/json"},
                    )
                    orjson.loads(response.content)["key"]["id"]

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return each * chats / (time.perf_counter() - began)


def main() -> None:
    """Send, and print how fast."""
    url, *numbers = sys.argv[1:]
    print(uvloop.run(_run(url, *map(int, numbers))))


if __name__ == "__main__":
    main()
