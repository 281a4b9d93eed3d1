"""A machine of one's own: what its hours cost, by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from taximeter_exporter.pricing.owned import Ownership


def machine(**changes: object) -> Ownership:
    fields: dict[str, object] = {
        "purchase_price": Decimal(8760),
        "purchased_on": date(2025, 1, 1),
        "useful_life_months": 12,
        "power_watts": Decimal(1000),
        "electricity_per_kwh": Decimal("0.25"),
        "pue": Decimal("1.2"),
    }
    return Ownership(**(fields | changes))  # type: ignore[arg-type]


def test_an_hour_is_depreciation_and_electricity() -> None:
    """8,760 over the 8,760 hours of 2025, and 1 kWh at 0.25 with a fifth more for cooling."""
    assert machine().energy_per_hour() == Decimal("0.3")
    assert machine().per_hour() == Decimal("1.3")


def test_a_machine_that_was_a_gift_costs_its_electricity() -> None:
    assert machine(purchase_price=Decimal(0)).per_hour() == Decimal("0.3")


@pytest.mark.parametrize(
    ("bought", "months", "written_off"),
    [
        (date(2025, 1, 1), 12, date(2026, 1, 1)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2024, 2, 29), 36, date(2027, 2, 28)),
        (date(2025, 12, 31), 42, date(2029, 6, 30)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
    ],
)
def test_the_useful_life_ends_on_the_same_day_of_the_month_or_its_last(
    bought: date, months: int, written_off: date
) -> None:
    assert machine(purchased_on=bought, useful_life_months=months).written_off_on() == written_off
