"""Money: exact until it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

_PLACES = Decimal("0.000001")
_CONTEXT = Context(prec=60)

Money = dict[str, Fraction]
"""An exact amount under each ISO 4217 currency; currencies never add up to each other."""


def to_decimal(amount: Fraction) -> Decimal:
    """Rounded half to even to six places, a millionth of the currency's unit."""
    exact = _CONTEXT.divide(Decimal(amount.numerator), Decimal(amount.denominator))
    return exact.quantize(_PLACES, rounding=ROUND_HALF_EVEN, context=_CONTEXT)


def show(amounts: Mapping[str, Fraction]) -> dict[str, str]:
    """For JSON: a string with six places under each currency."""
    return {currency: str(to_decimal(amount)) for currency, amount in sorted(amounts.items())}
