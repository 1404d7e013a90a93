"""The raw limit of ingestion: a Starlette handler that only publishes the body and waits.

Run by `bench.ingest` as `python -m bench.bare PORT BOOTSTRAP TOPIC`, on the same server, event
loop and parser as the gateway, with the same producer settings.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from common.bus import KafkaProducer


def application(bootstrap: str, topic: str) -> Starlette:
    """Make the bare application."""
    options = KafkaProducer(bootstrap, client_id="bare").options
    producers: list[AIOKafkaProducer] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        producer = AIOKafkaProducer(**options)
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    async def accept(request: Request) -> Response:
        await producers[0].send_and_wait(topic, await request.body(), key=b"shop-1")
        return Response()

    return Starlette(routes=[Route("/", accept, methods=["POST"])], lifespan=lifespan)


def main() -> None:
    """Serve."""
    port, bootstrap, topic = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    uvicorn.run(
        application(bootstrap, topic),
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
