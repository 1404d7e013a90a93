"""What models cost, in whole millionths of a US dollar."""

from dataclasses import dataclass

from agent_service.domain.model.runs import Cost, Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs: micro-USD per million tokens of each kind."""

    model: str
    input: int
    cached: int
    output: int
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
        return Cost(-(-total // _MILLION), self.known)
