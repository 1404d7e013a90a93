"""What models cost, for operators."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from agent_service.api.doors import Words
from agent_service.domain.model import Price
from common.service import principal

router = APIRouter()
Micros = Annotated[int, Field(ge=0, le=10**12)]


class _PricedModel(Protocol):
    price: Price
    updated_at: AwareDatetime


class _Prices(Protocol):
    async def every(self) -> list[_PricedModel]: ...

    async def put(self, price: Price) -> None: ...


def _prices(request: Request) -> _Prices:
    prices: _Prices = request.app.state.prices
    return prices


Prices = Annotated[_Prices, Depends(_prices)]


class PriceBody(BaseModel):
    """What a model costs: micro-USD per million tokens, and per minute of sound it hears."""

    model_config = ConfigDict(extra="forbid")

    model: Words = Field(min_length=1, max_length=200)
    input_micros: Micros
    cached_micros: Micros
    output_micros: Micros
    minute_micros: Micros = 0


class PriceView(PriceBody):
    """A price and when it was set."""

    updated_at: AwareDatetime


@router.get("/prices", dependencies=[Depends(principal("prices:read"))])
async def list_prices(prices: Prices) -> list[PriceView]:
    """List what models cost; needs the operators' scope `prices:read`.

    Only a token of the identity provider carries it; without one, operators use the command line
    (`python -m agent_service prices list`).
    """
    return [
        PriceView(
            model=one.price.model,
            input_micros=one.price.input,
            cached_micros=one.price.cached,
            output_micros=one.price.output,
            minute_micros=one.price.minute,
            updated_at=one.updated_at,
        )
        for one in await prices.every()
    ]


@router.put("/prices", dependencies=[Depends(principal("prices:write"))])
async def set_price(body: PriceBody, prices: Prices) -> PriceBody:
    """Set what a model costs; needs the operators' scope `prices:write`.

    Only a token of the identity provider carries it; without one, operators use the command line
    (`python -m agent_service prices set`).
    """
    price = Price(
        body.model,
        body.input_micros,
        body.cached_micros,
        body.output_micros,
        body.minute_micros,
    )
    await prices.put(price)
    return body
