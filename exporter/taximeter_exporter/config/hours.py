"""The hours at which a price of the configuration holds."""

from __future__ import annotations

from collections.abc import Sequence

from taximeter_exporter.config.error import Refused
from taximeter_exporter.config.schema import PriceSection
from taximeter_exporter.config.timezones import read_timezone
from taximeter_exporter.pricing.hours import ALL_DAY, WEEKDAYS, Hours, parse_hours
from taximeter_exporter.pricing.price import Offer, Price


def read_hours(field: str, section: PriceSection) -> Hours | None:
    """`hours`, `weekdays` and `timezone` of a price; `None` if it has none of them. Raises `Refused`."""
    if section.hours is None and section.weekdays is None:
        if section.timezone is not None:
            raise Refused(f"{field}.timezone", "goes with `hours` or `weekdays`; give those, or leave it out")
        return None
    if section.owned is not None:
        name = "hours" if section.hours is not None else "weekdays"
        raise Refused(f"{field}.{name}", "cannot be set beside `owned`, which costs the same at all hours")
    if section.timezone is None:
        raise Refused(f"{field}.timezone", "is missing; write by whose clock the hours go, for instance Europe/Berlin")
    zone = read_timezone(f"{field}.timezone", section.timezone)
    weekdays = sorted({WEEKDAYS.index(day) for day in section.weekdays or WEEKDAYS})
    try:
        return parse_hours(section.hours or ALL_DAY, weekdays, zone)
    except ValueError as error:
        raise Refused(f"{field}.hours", str(error)) from error


def check_clocks(prices: Sequence[Price], places: Sequence[int]) -> None:
    """All prices of an offer go by the same clock, or nobody could say which of them overlap. Raises `Refused`."""
    first: dict[Offer, tuple[str, int]] = {}
    for price, place in zip(prices, places, strict=True):
        if price.hours is None:
            continue
        zone, earlier = first.setdefault(price.offer, (price.hours.timezone.key, place))
        if zone != price.hours.timezone.key:
            raise Refused(
                f"prices[{place}].timezone",
                f"is not {zone} as in prices[{earlier}], both for {price.offer}; write the hours of both by one clock",
            )
