"""US dollars, as operators write them."""

from decimal import Decimal, InvalidOperation

from common.errors import InvalidInput

_MICROS = 1_000_000
_MOST = 1_000_000 * _MICROS


def micros(text: str) -> int:
    """Read an amount.

    Raises:
        InvalidInput: it is no sum of money.
    """
    try:
        amount = Decimal(text) * _MICROS
    except InvalidOperation:
        raise InvalidInput(f"{text!r} is not an amount in US dollars, such as 0.25.") from None
    if not (amount.is_finite() and 0 <= amount <= _MOST) or amount != int(amount):
        raise InvalidInput("An amount is from 0 to 1,000,000 and has at most six decimals.")
    return int(amount)


def usd(amount: int) -> str:
    """Write micro-USD."""
    return f"{Decimal(amount) / _MICROS:f}"
