"""Starts the whole suite: servers, databases, topics, sandbox, services."""

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import dataclass

import httpx2

from devstack import databases, environment, kafka, kafka_kit, postgres, secret_store
from devstack import session as sessions
from devstack.children import Child, Command
from devstack.environment import HTTP, SANDBOX, SERVICES, Addresses
from devstack.errors import JavaMissing, StackError
from devstack.places import Places, make_folder, put_away_logs, require_disk_space
from devstack.polling import until
from devstack.ports import free_port
from devstack.screen import Screen
from devstack.secret_store import SecretStore
from devstack.session import Session
from devstack.supervisor import Supervisor, Tier
from devstack.topics import create_topics

_SERVICE_START = 60.0
_MIGRATION = 60.0
_NO_KAFKA = (
    "There is no Kafka: all services run in one process on its in-process bus, which keeps nothing."
)


@dataclass(slots=True)
class Stack:
    """One session while it starts and runs."""

    places: Places
    screen: Screen
    supervisor: Supervisor
    secrets: SecretStore
    addresses: Addresses
    kit: kafka_kit.Kit | None
    """None when a broker's address is given, or when there is no Java to run one."""
    broker: str = "kafka"


async def start(places: Places, screen: Screen, supervisor: Supervisor) -> Session:
    """Start everything and return when every service says it is ready.

    Raises:
        StackError: something cannot be started; children already running are the supervisor's.
    """
    stack = await _plan(places, screen, supervisor)
    await _together(
        _start_sandbox(stack),
        _start_postgres(stack),
        *([_start_kafka(stack)] if stack.broker == "kafka" else []),
    )
    if stack.broker == "kafka":
        await _together(*(_start_service(stack, service) for service in SERVICES))
    else:
        await _start_in_one_process(stack)
    session = Session(
        pid=os.getpid(),
        broker=stack.broker,
        ports=dict(stack.addresses.ports),
        environment=environment.everything(stack.addresses, stack.secrets),
    )
    sessions.announce(places, session)
    return session


async def _plan(places: Places, screen: Screen, supervisor: Supervisor) -> Stack:
    require_disk_space(places.state)
    put_away_logs(places)
    secrets = secret_store.load(places.state / "secrets.json")
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    kit, broker = None, "kafka"
    if not given:
        try:
            kit = await asyncio.to_thread(kafka_kit.prepare, places, screen.tell)
        except JavaMissing as reason:
            broker = "in-process"
            screen.tell(f"  {reason}")
            screen.tell(f"  {_NO_KAFKA}")
    ports = _ports(sessions.last_ports(places))
    addresses = Addresses(
        postgres_url=databases.plain(
            os.environ.get("DATABASE_URL") or _postgres_plan(places, secrets, ports).url
        ),
        bootstrap=given or f"127.0.0.1:{ports['kafka']}",
        ports=ports,
        objects=make_folder(places.objects),
    )
    stack = Stack(places, screen, supervisor, secrets, addresses, kit, broker)
    environment.everything(addresses, secrets)  # asks for every secret, so that all are saved
    secrets.save()
    return stack


def _ports(last: dict[str, int]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for name in (*HTTP, "postgres", "kafka", "kafka-controller"):
        ports[name] = free_port(preferred=last.get(name), taken=ports.values())
    return ports


def _postgres_plan(
    places: Places, secrets: SecretStore, ports: dict[str, int]
) -> postgres.PostgresPlan:
    return postgres.PostgresPlan(
        folder=places.state / "postgres",
        log=places.logs / "postgres.log",
        port=ports["postgres"],
        durable=True,
        password=secrets.password("postgres"),
    )


async def _start_postgres(stack: Stack) -> None:
    if "DATABASE_URL" not in os.environ:
        with stack.screen.step("postgres") as step:
            plan = _postgres_plan(stack.places, stack.secrets, dict(stack.addresses.ports))
            command = await asyncio.to_thread(postgres.prepare, plan)
            child = stack.supervisor.launch(command, Tier.SERVERS)
            await postgres.wait_ready(plan, child)
            step.note = f"127.0.0.1:{plan.port}"
    with stack.screen.step("databases and roles"):
        roles = [environment.role(service) for service in SERVICES]
        passwords = {role: stack.secrets.password(role) for role in roles}
        await databases.provision(stack.addresses.postgres_url, passwords)
    with stack.screen.step("migrations") as step:
        await _together(*(_migrate(stack, service) for service in SERVICES))
        step.note = ", ".join(SERVICES)


async def _start_kafka(stack: Stack) -> None:
    if stack.kit is not None:
        plan = kafka.KafkaPlan(
            kit=stack.kit,
            folder=stack.places.state / "kafka",
            log=stack.places.logs / "kafka.log",
            port=stack.addresses.ports["kafka"],
            controller_port=stack.addresses.ports["kafka-controller"],
            durable=True,
        )
        with stack.screen.step("kafka") as step:
            command = kafka.prepare(plan)
            child = stack.supervisor.launch(
                command, Tier.SERVERS, stop=lambda child: kafka.stop(plan, child)
            )
            await kafka.wait_ready(plan, child)
            step.note = plan.bootstrap
    with stack.screen.step("topics"):
        await create_topics(stack.addresses.bootstrap)


async def _start_sandbox(stack: Stack) -> None:
    command = Command(
        name=SANDBOX,
        argv=environment.sandbox_argv(),
        log=stack.places.logs / f"{SANDBOX}.log",
        environment=environment.of_sandbox(stack.addresses, stack.secrets),
        folder=stack.places.root,
    )
    with stack.screen.step(SANDBOX) as step:
        child = stack.supervisor.launch(command, Tier.SANDBOX)
        step.note = stack.addresses.url(SANDBOX)
        await _answers(child, f"{step.note}/healthz", any_status=True)


async def _start_service(stack: Stack, service: str) -> None:
    command = Command(
        name=service,
        argv=environment.argv(service, "all"),
        log=stack.places.logs / f"{service}.log",
        environment=environment.of(service, stack.addresses, stack.secrets),
        folder=stack.places.root,
    )
    with stack.screen.step(service) as step:
        child = stack.supervisor.launch(command, Tier.SERVICES)
        step.note = stack.addresses.url(service)
        await _answers(child, f"{step.note}/readyz")


async def _start_in_one_process(stack: Stack) -> None:
    command = Command(
        name="services",
        argv=environment.in_process_argv(),
        log=stack.places.logs / "services.log",
        environment=environment.of_all(stack.addresses, stack.secrets),
        folder=stack.places.root,
    )
    with stack.screen.step("all services, without Kafka") as step:
        child = stack.supervisor.launch(command, Tier.SERVICES)
        for service in SERVICES:
            await _answers(child, f"{stack.addresses.url(service)}/readyz")
        step.note = stack.addresses.url("gateway")


async def _migrate(stack: Stack, service: str) -> None:
    log = stack.places.logs / f"{service}-migrate.log"
    command = Command(
        name=f"{service} migrate",
        argv=environment.argv(service, "migrate"),
        log=log,
        environment=environment.of(service, stack.addresses, stack.secrets),
        folder=stack.places.root,
    )
    log.unlink(missing_ok=True)
    child = stack.supervisor.launch(command, Tier.SERVICES, may_end=True)

    async def ended() -> bool:
        return child.exit_code is not None

    async with asyncio.timeout(_MIGRATION):
        await until(ended)
    if child.exit_code != 0:
        raise StackError(child.obituary())


async def _answers(child: Child, url: str, *, any_status: bool = False) -> None:
    async with httpx2.AsyncClient(timeout=5) as client:

        async def ready() -> bool:
            child.require_alive()
            try:
                response = await client.get(url)
            except httpx2.TransportError:
                return False
            return any_status or response.status_code == httpx2.codes.OK

        try:
            async with asyncio.timeout(_SERVICE_START):
                await until(ready, every=0.05)
        except TimeoutError as error:
            raise StackError(
                f"{child.name} did not become ready within {_SERVICE_START:.0f} s ({url}); the end"
                f" of {child.command.log} says:\n{child.tail()}"
            ) from error


async def _together(*work: Awaitable[None]) -> None:
    """Run side by side; the first failure cancels the rest and is what the caller sees."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(_awaited(one))
    except* StackError as several:
        raise _first(several) from None


async def _awaited(one: Awaitable[None]) -> None:
    await one


def _first(several: BaseExceptionGroup[StackError]) -> StackError:
    found = several.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def prepare(places: Places, screen: Screen) -> None:
    """Fetch what a first start would fetch, so that the first start is a quick one.

    Without Java or Maven it says so and goes on: the suite then starts without Kafka.

    Raises:
        StackError: it cannot be had.
    """
    require_disk_space(places.state)
    for folder in (places.state, places.logs, places.objects):
        make_folder(folder)
    if "KAFKA_BOOTSTRAP_SERVERS" not in os.environ:
        try:
            with screen.step("Apache Kafka's jars"):
                kafka_kit.prepare(places, screen.tell)
        except JavaMissing as reason:
            screen.tell(f"  {reason}")
            screen.tell("  Until then the suite starts without Kafka, on an in-process bus.")
