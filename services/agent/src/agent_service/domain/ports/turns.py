"""The short way of a turn, for those that nothing comes between: most of them."""

from collections.abc import Sequence
from typing import Protocol

from agent_service.domain.model import Ask, Turn
from agent_service.domain.ports.outside import Lease
from agent_service.domain.ports.storage import Ended
from common.contracts import ConversationId, SendMessage


class Turns(Protocol):
    """Reads and ends turns, each in one step that holds no lock while anybody thinks.

    Whatever is out of the ordinary is left as it is, and goes the long way: by a `Context`.
    """

    async def read(self, turn_id: str, conversation: ConversationId) -> Turn | None:
        """Read a turn that begins, with the lines it answers; None for the long way."""

    async def take_request(self, ask: Ask) -> bool:
        """Take a model call out of a tenant's requests per minute; False for the long way."""

    async def end(
        self, turn: Turn, ended: Ended, commands: Sequence[SendMessage], lease: Lease
    ) -> bool:
        """Say what is to be said, and end the run, the turn and its job; all of it or nothing.

        Returns False, for the long way, when the customer has written since, a person has taken
        over, or the lease is lost.
        """
