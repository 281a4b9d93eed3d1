"""What a budget will have spent at the end of its period. `docs/forecast.md` tells why so, and how far it is off."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.money import Money
from taximeter_exporter.pricing.course import Course, Slot

WINDOW_NS = 7 * 24 * NS_PER_HOUR
"""How far the recent past reaches: a week has each day of the week and each hour of the day once."""
SOON_NS = 3 * NS_PER_HOUR
"""For so long what is running now is taken to go on."""


def forecast(spent: Fraction, *, now_per_hour: Fraction, recent_per_hour: Fraction | None, left_ns: int) -> Fraction:
    """What is spent, and for the time left: soon at the present rate, later at that of the recent past.

    spent + now × min(left, 3 h) + recent × max(0, left - 3 h), where `recent` is the mean of the last seven days, or of
    all that there is. Without a past (`None`) the present rate is all that is known, and goes on to the end.
    """
    if recent_per_hour is None:
        return spent + now_per_hour * left_ns / NS_PER_HOUR
    soon_ns = min(left_ns, SOON_NS)
    return spent + (now_per_hour * soon_ns + recent_per_hour * (left_ns - soon_ns)) / NS_PER_HOUR


def devices_ahead(
    course: Course, *, now: Fraction, recent: Callable[[Slot], Fraction] | None, time_ns: int, end_ns: int
) -> Money:
    """What devices will cost from a moment to the end of a period, where their price is known ahead.

    The same with devices in use in the place of money: `now` of them soon, later as many as there were on average in
    the same `recent` hours; each hour at the price that it will have.
    """
    soon_ns = end_ns if recent is None else min(end_ns, time_ns + SOON_NS)
    cost: Money = {}
    for (_, currency), each in course.between(time_ns, soon_ns).items():
        cost[currency] = cost.get(currency, Fraction()) + now * each
    if recent is not None:
        for (slot, currency), each in course.between(soon_ns, end_ns).items():
            cost[currency] = cost.get(currency, Fraction()) + recent(slot) * each
    return cost
