"""The ground of a measurement: durable Postgres, real Kafka, and processes on top of them."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from common.bus import create_topics
from devstack import databases, environment, kafka, kafka_kit, postgres, secret_store
from devstack.children import Child, Command
from devstack.environment import Addresses, argv
from devstack.places import here
from devstack.ports import free_port
from devstack.secret_store import SecretStore
from devstack.supervisor import Supervisor, Tier

_START_SECONDS = 60.0


@dataclass(slots=True)
class Server:
    """A server that can be taken away, and given back with its data."""

    url: str
    start: Callable[[], Awaitable[Child]]
    child: Child

    async def take_away(self) -> None:
        """Kill it without warning."""
        self.child.process.kill()
        await asyncio.to_thread(self.child.process.wait)

    async def give_back(self) -> None:
        """Start it again on its data and its port; returns when it answers."""
        self.child = await self.start()


@dataclass(slots=True)
class Ground:
    """Servers that run, and a way to start our processes on them."""

    folder: Path
    addresses: Addresses
    secrets: SecretStore
    supervisor: Supervisor
    postgres: Server
    kafka: Server
    extra: dict[str, str] = field(default_factory=dict)
    """Added to the environment of every process started from now on."""

    @property
    def bootstrap(self) -> str:
        """The broker."""
        return self.addresses.bootstrap

    def database(self, service: str) -> str:
        """The address of a service's database, as its own role."""
        return self.environment(service)[f"{service.upper()}_DATABASE_URL"]

    async def ask(self, service: str, question: str, *values: Any) -> Any:
        """Ask a service's database for one value."""
        connection = await asyncpg.connect(self.database(service))
        try:
            return await connection.fetchval(question, *values)
        finally:
            await connection.close()

    def environment(self, service: str) -> dict[str, str]:
        """What a service's process finds in its environment."""
        return {**environment.of(service, self.addresses, self.secrets), **self.extra}

    async def migrate(self, *services: str) -> None:
        """Bring the databases of services to their newest shape."""
        for service in services:
            child = self._launch(f"{service}-migrate", argv(service, "migrate"), service)
            await asyncio.to_thread(child.process.wait)
            if child.exit_code:
                raise RuntimeError(child.obituary())

    async def start(self, service: str, verb: str, *, name: str = "", port: int = 0) -> Child:
        """Start a process of a service and wait until it is ready."""
        chosen = port or self.addresses.ports[service]
        child = self._launch(
            name or f"{service}-{verb}",
            argv(service, verb),
            service,
            {f"{service.upper()}_PORT": str(chosen)},
        )
        await self.ready(child, f"http://127.0.0.1:{chosen}/readyz")
        return child

    async def start_sandbox(self, **changes: str) -> Child:
        """Start the sandbox."""
        command = Command(
            "sandbox",
            environment.sandbox_argv(),
            self.folder / "logs" / "sandbox.log",
            {**environment.of_sandbox(self.addresses, self.secrets), **changes},
        )
        child = self.supervisor.launch(command, Tier.SANDBOX)
        await self.ready(child, f"{self.addresses.url('sandbox')}/_sandbox/faults")
        return child

    def _launch(
        self, name: str, argv: list[str], service: str, more: Mapping[str, str] | None = None
    ) -> Child:
        command = Command(
            name,
            argv,
            self.folder / "logs" / f"{name}.log",
            {**self.environment(service), **(more or {})},
        )
        return self.supervisor.launch(command, Tier.SERVICES, may_end=True)

    async def ready(self, child: Child, url: str) -> None:
        """Wait until a process answers 200."""
        async with httpx2.AsyncClient() as client, asyncio.timeout(_START_SECONDS):
            while True:
                child.require_alive()
                try:
                    if (await client.get(url)).status_code == httpx2.codes.OK:
                        return
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def ground(name: str) -> AsyncGenerator[Ground]:
    """Start servers with empty, durable data; stop everything at the end."""
    folder = here().state / "bench" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "objects").mkdir(parents=True)
    ports: dict[str, int] = {}
    for one in (*environment.HTTP, "postgres", "kafka", "controller"):
        ports[one] = free_port(taken=ports.values())
    secrets = secret_store.load(folder / "secrets.json")
    supervisor = Supervisor()
    try:
        pg, queue = await _servers(supervisor, folder, ports, secrets)
        bootstrap = f"127.0.0.1:{ports['kafka']}"
        addresses = Addresses(pg.url, bootstrap, ports, folder / "objects")
        roles = [environment.role(service) for service in environment.SERVICES]
        await databases.provision(pg.url, {role: secrets.password(role) for role in roles})
        await create_topics(bootstrap)
        yield Ground(folder, addresses, secrets, supervisor, pg, queue)
    finally:
        supervisor.stop_all()


async def _servers(
    supervisor: Supervisor, folder: Path, ports: Mapping[str, int], secrets: SecretStore
) -> tuple[Server, Server]:
    logs = folder / "logs"
    pg = postgres.PostgresPlan(
        folder / "postgres",
        logs / "postgres.log",
        ports["postgres"],
        durable=True,
        password=secrets.password("postgres"),
    )
    broker = kafka.KafkaPlan(
        kafka_kit.prepare(here()),
        folder / "kafka",
        logs / "kafka.log",
        ports["kafka"],
        ports["controller"],
        durable=True,
    )

    async def start_postgres() -> Child:
        child = supervisor.launch(postgres.prepare(pg), Tier.SERVERS, may_end=True)
        await postgres.wait_ready(pg, child)
        return child

    async def start_kafka() -> Child:
        child = supervisor.launch(kafka.prepare(broker), Tier.SERVERS, may_end=True)
        await kafka.wait_ready(broker, child)
        return child

    first, second = await asyncio.gather(start_postgres(), start_kafka())
    return Server(pg.url, start_postgres, first), Server(broker.bootstrap, start_kafka, second)
