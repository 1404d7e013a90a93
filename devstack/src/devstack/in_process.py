"""The last resort without Kafka: all services in one process, on the bus that unit tests use."""

from pathlib import Path

from devstack.environment import Addresses
from devstack.errors import StackError
from devstack.secret_store import SecretStore
from devstack.supervisor import Supervisor


async def start_on_in_process_bus(
    addresses: Addresses, secrets: SecretStore, supervisor: Supervisor, logs: Path
) -> None:
    """Start every service's API and worker in one child process over one in-process bus.

    Raises:
        StackError: always, until the services can be put together in one process.
    """
    del addresses, secrets, supervisor, logs
    raise StackError(
        "The services cannot run on the in-process bus yet: install Java 17 and Maven,"
        " or set KAFKA_BOOTSTRAP_SERVERS."
    )
