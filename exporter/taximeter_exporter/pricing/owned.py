"""What an hour of a machine of one's own costs: straight-line depreciation while it lasts, and electricity always.

    per hour = purchase price / hours of useful life  +  power (kW) x electricity per kWh x PUE

After the useful life only the electricity remains. PUE, the power usage effectiveness, is what the whole site draws
divided by what the machine draws: cooling and losses.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

_CONTEXT = Context(prec=60)
_PLACES = Decimal("1E-12")
"""So fine that over ten years the rounding stays below a millionth of the currency's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What a machine has cost, and draws. Money is in one currency throughout."""

    purchase_price: Decimal
    purchased_on: date
    useful_life_months: int
    power_watts: Decimal
    electricity_per_kwh: Decimal
    pue: Decimal

    def written_off_on(self) -> date:
        """The first day on which it is depreciated: the same day of the month, or the month's last."""
        years, month = divmod(self.purchased_on.month - 1 + self.useful_life_months, 12)
        year = self.purchased_on.year + years
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(self.purchased_on.day, last))

    def energy_per_hour(self) -> Decimal:
        """The electricity of an hour, rounded half to even to twelve places."""
        return _round(
            _CONTEXT.multiply(
                _CONTEXT.multiply(self.power_watts, self.electricity_per_kwh), _CONTEXT.divide(self.pue, Decimal(1000))
            )
        )

    def per_hour(self) -> Decimal:
        """Depreciation and electricity of an hour within the useful life, rounded half to even to twelve places."""
        hours = (self.written_off_on() - self.purchased_on).days * 24
        return _round(_CONTEXT.divide(self.purchase_price, Decimal(hours))) + self.energy_per_hour()


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(_PLACES, rounding=ROUND_HALF_EVEN, context=_CONTEXT).normalize(_CONTEXT)
