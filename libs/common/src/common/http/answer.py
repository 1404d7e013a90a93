"""An answer, read to its end."""

from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from common.errors import Refused

_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """Status, headers and body of a provider's answer; the body is within the size cap."""

    provider: str
    status: int
    headers: httpx2.Headers = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Any 2xx."""
        return self.status in _SUCCESS

    def json(self) -> Any:
        """Parse the body.

        Raises:
            Refused: when it is not JSON.
        """
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            raise Refused(
                f"{self.provider} answered {self.status} with something that is not JSON."
            ) from None

    def json_or_none(self) -> Any | None:
        """Parse the body if it is JSON: for telling error shapes apart."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None
