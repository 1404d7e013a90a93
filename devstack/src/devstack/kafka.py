"""A real Apache Kafka broker (KRaft, one node) as our own child process."""

import asyncio
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from devstack.children import Child, Command, launch
from devstack.errors import StackError
from devstack.java import java_environment, properties
from devstack.kafka_kit import Kit
from devstack.polling import until

_STARTED = "Kafka Server started"
# C1 only: a broker that lives for minutes never earns back what C2 costs. On two cores C2's
# compiler took three of four CPU seconds of the first two minutes, and tripled every latency.
_QUICK = "-XX:TieredStopAtLevel=1"
# A small heap and no parallel collector: several test sessions fit on one machine.
_TEST_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", _QUICK)
_STACK_JVM = (
    *("-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", _QUICK),
    *("-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"),
)


@dataclass(frozen=True, slots=True)
class KafkaPlan:
    """How a broker is to run; a durable one keeps its data and shuts down in order."""

    kit: Kit
    folder: Path
    log: Path
    port: int
    controller_port: int
    durable: bool = False

    @property
    def training(self) -> Path | None:
        """Where this run leaves the class archive when it stops, if there is none yet."""
        return None if self.kit.trained else self.folder / "classes.jsa"

    @property
    def bootstrap(self) -> str:
        """The address clients begin with."""
        return f"127.0.0.1:{self.port}"


async def start(plan: KafkaPlan) -> Child:
    """Start a broker and wait until consumer groups can be joined.

    Raises:
        StackError: the broker ended while starting, or took more than a minute.
    """
    child = launch(prepare(plan))
    try:
        await wait_ready(plan, child)
    except BaseException:
        child.stop()
        raise
    return child


def stop(plan: KafkaPlan, child: Child) -> None:
    """Stop the broker; the first one ever keeps its class archive, which takes it 3 s more."""
    training = plan.training
    child.stop(grace=20.0)
    if training and training.exists():
        # The archive and the clone may lie on different disks; a rename must not cross them.
        arriving = plan.kit.archive.with_suffix(f".{child.process.pid}")
        shutil.copyfile(training, arriving)
        arriving.replace(plan.kit.archive)
        training.unlink()


def prepare(plan: KafkaPlan) -> Command:
    """Write the settings, give a new broker its empty log directory, say how to start it."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    plan.log.parent.mkdir(parents=True, exist_ok=True)
    plan.log.unlink(missing_ok=True)  # readiness reads it: yesterday's "started" must not count
    data = plan.folder / "data"
    if not (data / "meta.properties").exists():
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(plan.kit.template, data)
    config = plan.folder / "server.properties"
    config.write_text(_properties(plan, data), encoding="ascii")
    return Command(
        name="kafka",
        argv=_argv(plan, config),
        log=plan.log,
        environment=java_environment(),
        folder=plan.folder,
        stop_signal=signal.SIGTERM,
        # At once, as in a crash: the next session may start a moment later on the same data.
        orphan_signal=signal.SIGKILL,
    )


async def wait_ready(plan: KafkaPlan, child: Child, limit: float = 60.0) -> None:
    """Wait for the log line, then the controller, then a group coordinator.

    Asking for a coordinator makes the broker create `__consumer_offsets`, which the first real
    consumer would otherwise wait seconds for.

    Raises:
        StackError: the broker ended, or was not ready within `limit` seconds.
    """

    async def started() -> bool:
        child.require_alive()
        return _STARTED in plan.log.read_text(errors="replace")

    try:
        async with asyncio.timeout(limit):
            await until(started)
            await wait_answers(plan.bootstrap)
    except TimeoutError as error:
        raise StackError(
            f"Kafka was not ready within {limit:.0f} s; the end of {plan.log} says:\n{child.tail()}"
        ) from error


async def wait_answers(bootstrap: str) -> None:
    """Wait, without a limit of its own, until a broker has a controller and a coordinator."""
    await until(lambda: _answers(bootstrap), every=0.05)


async def _answers(bootstrap: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        if cluster.get("controller_id") in {None, -1}:
            return False
        await admin.find_coordinator("devstack-warm-up")
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return True


def _argv(plan: KafkaPlan, config: Path) -> list[str]:
    kit = plan.kit
    archive = f"SharedArchiveFile={kit.archive}"
    if plan.training:
        archive = f"ArchiveClassesAtExit={plan.training}"
    return [
        kit.java,
        *(_STACK_JVM if plan.durable else _TEST_JVM),
        *("-Djava.awt.headless=true", "-Xshare:auto"),
        f"-XX:{archive}",
        f"-Dlog4j2.configurationFile={kit.logging.as_uri()}",
        f"-Dkafka.logs.dir={plan.folder}",
        *("-cp", kit.class_path, "kafka.Kafka", str(config)),
    ]


def _properties(plan: KafkaPlan, data: Path) -> str:
    client = f"PLAINTEXT://127.0.0.1:{plan.port}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{plan.controller_port}",
        "listeners": f"{client},CONTROLLER://127.0.0.1:{plan.controller_port}",
        "advertised.listeners": client,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        # The default 128 MiB is allocated at start and would not fit the test heap.
        "log.cleaner.dedupe.buffer.size": 8388608,
        "log.index.size.max.bytes": 1048576,
        # A broker that was killed leaves a registration that its successor must outwait:
        # with the default 9 s a restart after a crash would take 11 s.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        "controlled.shutdown.enable": "true" if plan.durable else "false",
    }
    return properties(settings)
