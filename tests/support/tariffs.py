"""Prices by the hour and by the day: written down, or drawn by Hypothesis as they can stand in one configuration."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.pricing.hours import Hours, parse_hours
from taximeter_exporter.pricing.price import Price, Rate, Unit, overlapping

from support.metered import OFFER, price

ZONES = sorted(available_timezones())

DISK = Volume("disk", Rate(offer=OFFER, price=Decimal("7.3"), unit=Unit.GB_MONTH, currency="USD", part=Fraction(100)))
"""1 USD an hour."""


def tariff(per_hour: str, hours: str = "", *, zone: str = "UTC", **changes: object) -> Price:
    """A price of two GPUs, as `support.metered.price` has it: at hours such as `22:00-06:00`, and with other fields."""
    found = parse_hours(hours, range(7), ZoneInfo(zone)) if hours else None
    return replace(price(per_hour), hours=found, **changes)  # type: ignore[arg-type]


HOURS = st.builds(
    lambda start, length, days, zone: Hours(start, length, tuple(sorted(days)), ZoneInfo(zone)),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(ZONES),
)


@st.composite
def prices(draw: st.DrawFn, *, first: date, days: int, currencies: tuple[str, ...] = ("USD",)) -> list[Price]:
    """Up to five of one GPU, with hours and without; those that are dated begin or end within `days` from `first`."""
    dates = st.none() | st.integers(0, days).map(lambda number: first + timedelta(days=number))
    found: list[Price] = []
    for number in range(draw(st.integers(1, 5))):
        start, end, hours = draw(dates), draw(dates), draw(st.none() | HOURS)
        new = replace(
            price(str(number + Decimal("0.07")), gpus=1, currency=draw(st.sampled_from(currencies))),
            hours=hours,
            effective_from=start,
            effective_to=end if start is None or end is None or start < end else None,
        )
        clocks = {each.hours.timezone.key for each in (*found, new) if each.hours is not None}
        if len(clocks) < 2 and not any(overlapping([*found, new])):
            found.append(new)
    return found
