"""What a device will cost between two moments, beside the sum of what the schedule says at each of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import GPU0, OFFER, time_ns
from support.tariffs import prices, tariff
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.pricing.course import Course, known_ahead
from taximeter_exporter.pricing.price import Price, PricingModel
from taximeter_exporter.pricing.quote import Schedule, schedule_for

FIRST = date(2026, 1, 1)
MINUTE = 60 * NS_PER_SECOND


def at(per_hour: str, hours: str = "", **changes: date) -> Price:
    return tariff(per_hour, hours, zone="Europe/Berlin", gpus=1, **changes)


def schedule(*prices: Price) -> Schedule:
    return schedule_for(prices, [GPU0])


def cost(course: Course, start: str, end: str) -> Fraction:
    return sum(course.between(time_ns(start), time_ns(end)).values(), Fraction())


def test_a_day_has_its_night_and_a_night_without_an_hour_costs_less() -> None:
    course = Course(schedule(at("10"), at("4", "22:00-06:00")), time_ns("2026-03-01T00:00:00"))
    assert cost(course, "2026-03-02T12:00:00", "2026-03-03T12:00:00") == 16 * 10 + 8 * 4
    # clocks are put forward on the 29th, and back on October 25th
    assert cost(course, "2026-03-28T12:00:00", "2026-03-29T12:00:00") == 17 * 10 + 7 * 4
    assert cost(course, "2026-10-24T12:00:00", "2026-10-25T12:00:00") == 15 * 10 + 9 * 4
    night = course.slot(time_ns("2026-03-02T23:30:00"))
    assert course.between(time_ns("2026-03-02T20:30:00"), time_ns("2026-03-02T21:30:01")) == {
        (night, "USD"): Fraction(1801 * 4, 3600),
        (course.slot(time_ns("2026-03-02T12:00:00")), "USD"): Fraction(1800 * 10, 3600),
    }


def test_nothing_is_between_a_moment_and_itself_or_one_before() -> None:
    course = Course(schedule(at("10"), at("4", "22:00-06:00")), time_ns("2026-03-01T00:00:00"))
    moment = time_ns("2026-03-02T12:00:00")
    assert course.between(moment, moment) == course.between(moment, moment - 1) == {}


def test_a_price_without_one_after_it_goes_on_until_there_is_one() -> None:
    ends = at("10", effective_to=date(2026, 1, 11))
    later = at("4", effective_from=date(2026, 1, 21))
    assert (
        cost(Course(schedule(ends), time_ns("2026-01-01T00:00:00")), "2026-01-10T00:00:00", "2026-01-12T00:00:00")
        == 480
    )
    gap = Course(schedule(ends, later), time_ns("2026-01-01T00:00:00"))
    assert cost(gap, "2026-01-10T00:00:00", "2026-01-22T00:00:00") == 11 * 240 + 96
    # once there is no price, nobody says that the one before goes on
    within = Course(schedule(ends, later), time_ns("2026-01-12T00:00:00"))
    assert cost(within, "2026-01-12T00:00:00", "2026-01-22T00:00:00") == 96
    assert gap.is_of(time_ns("2026-01-10T23:59:59"))
    assert not gap.is_of(time_ns("2026-01-11T00:00:00"))
    assert not within.is_of(time_ns("2026-01-11T23:59:59"))


@pytest.mark.parametrize(
    ("found", "known"),
    [
        ([at("10")], False),
        ([at("10", effective_from=date(2026, 1, 2))], False),
        ([at("10", effective_to=date(2026, 1, 20))], False),
        ([at("10", effective_to=date(2026, 1, 8))], False),
        ([at("10", effective_to=date(2026, 1, 2)), at("4", effective_from=date(2026, 1, 2))], False),
        ([at("10", effective_to=date(2026, 1, 5)), at("4", effective_from=date(2026, 1, 5))], True),
        ([at("10", effective_to=date(2026, 9, 1)), at("4", effective_from=date(2026, 9, 1))], True),
        ([at("10", effective_from=date(2026, 1, 20))], True),
        ([at("10"), at("4", "22:00-06:00")], True),
        ([at("10"), at("4", "22:00-06:00", effective_to=date(2026, 1, 2))], False),
    ],
)
def test_something_is_known_where_a_price_varies_from_a_week_ago_on(found: list[Price], known: bool) -> None:
    week_ago, now = time_ns("2026-01-03T00:00:00"), time_ns("2026-01-10T00:00:00")
    assert (known_ahead(schedule(*found), now, since_ns=week_ago) is not None) == known
    spot = replace(OFFER, pricing_model=PricingModel.SPOT)
    promised = schedule(*(replace(each, offer=spot) for each in found))
    assert known_ahead(promised, now, since_ns=week_ago) is None


_PRICES = prices(first=FIRST, days=200, currencies=("USD", "EUR"))


def price_at(found: list[Price], start_ns: int, time_ns: int) -> Price | None:
    """The rule, told another way: what is dated then, or else was last after the start; first of all what has hours."""
    held = [each for each in found if each.is_dated(time_ns)]
    if not held:
        ends = [end for each in found if (end := each.end_ns()) is not None and start_ns < end <= time_ns]
        held = [each for each in found if ends and each.is_dated(max(ends) - 1)]
    by_hours = [each for each in held if each.hours is not None and each.hours.hold_at(time_ns)]
    return next(iter([*by_hours, *(each for each in held if each.hours is None)]), None)


def summed(found: list[Price], course_ns: int, start_ns: int, end_ns: int, step_ns: int) -> dict[str, Fraction]:
    """What all steps between two moments cost: of each, its first moment's price for all of it."""
    steps: dict[tuple[Decimal, str], int] = {}
    for moment in range(start_ns, end_ns, step_ns):
        held = price_at(found, course_ns, moment)
        if held is not None:
            key = held.per_hour, held.currency
            steps[key] = steps.get(key, 0) + 1
    cost: dict[str, Fraction] = {}
    for (per_hour, currency), count in steps.items():
        cost[currency] = cost.get(currency, Fraction()) + Fraction(per_hour) * count * step_ns / NS_PER_HOUR
    return cost


def by_currency(course: Course, start_ns: int, end_ns: int) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for (_, currency), amount in course.between(start_ns, end_ns).items():
        found[currency] = found.get(currency, Fraction()) + amount
    return found


def near(data: st.DataObject, found: list[Price]) -> int:
    """A second within half a year, for choice near where something changes: hours begin, dates, clocks are put."""
    start = time_ns(f"{FIRST}T00:00:00") + data.draw(st.integers(0, 200 * 24)) * NS_PER_HOUR
    whole = schedule(*found)
    edges = whole.changes_between(start, start + 10 * 24 * NS_PER_HOUR)
    clocks = [time_ns(moment) for moment in ("2026-03-08T07:00:00", "2026-03-29T01:00:00", "2026-04-04T15:00:00")]
    edge = data.draw(st.sampled_from([start, *edges[:4], *clocks, *whole.changes]))
    return edge + data.draw(st.integers(-3600, 3600)) * NS_PER_SECOND


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), found=_PRICES)
def test_it_is_the_sum_second_by_second(data: st.DataObject, found: list[Price]) -> None:
    start_ns = near(data, found)
    end_ns = start_ns + data.draw(st.integers(0, 2 * 3600)) * NS_PER_SECOND
    course_ns = start_ns - data.draw(st.integers(0, 40 * 24)) * NS_PER_HOUR
    due = summed(found, course_ns, start_ns, end_ns, NS_PER_SECOND)
    assert by_currency(Course(schedule(*found), course_ns), start_ns, end_ns) == due


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data(), found=_PRICES)
def test_it_is_the_sum_over_weeks_whatever_was_asked_before(data: st.DataObject, found: list[Price]) -> None:
    """Minute by minute, at whole ones of which everything changes; in any order."""
    start_ns = near(data, found) // MINUTE * MINUTE
    course = Course(schedule(*found), start_ns)
    for _ in range(3):
        first, after = (start_ns + data.draw(st.integers(0, 16 * 1440)) * MINUTE for _ in range(2))
        assert by_currency(course, first, after) == summed(found, start_ns, first, after, MINUTE)
