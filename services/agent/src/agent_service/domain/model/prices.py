"""What models cost, in whole millionths of a US dollar."""

import math
from dataclasses import dataclass

from agent_service.domain.model.runs import Cost, Usage

_MILLION = 1_000_000
_MINUTE = 60_000
"""In milliseconds."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs: micro-USD per million tokens of each kind, and per minute of sound."""

    model: str
    input: int
    cached: int
    output: int
    minute: int = 0
    known: bool = True
    """False for the default that stands in for a model without a price."""

    def cost(self, usage: Usage) -> Cost:
        """What a call cost, rounded up."""
        fresh = max(0, usage.input_tokens - usage.cached_tokens)
        total = (
            fresh * self.input
            + usage.cached_tokens * self.cached
            + usage.output_tokens * self.output
        )
        heard = math.ceil(usage.seconds * 1000) * self.minute
        return Cost(-(-(total * _MINUTE + heard * _MILLION) // (_MILLION * _MINUTE)), self.known)
