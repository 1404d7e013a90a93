"""Creates the suite's topics; the list itself is `common.contracts.topics`."""

from common import bus
from common.errors import Unavailable
from devstack.errors import StackError


async def create_topics(bootstrap: str) -> None:
    """Create the topics that are missing, each on one broker.

    Raises:
        StackError: the broker does not answer.
    """
    try:
        await bus.create_topics(bootstrap, replication=1)
    except Unavailable as error:
        raise StackError(f"The topics cannot be created: {error}") from error
