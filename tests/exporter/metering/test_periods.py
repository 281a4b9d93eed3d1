"""Periods begin and end when the customer's calendar says so."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import time_ns
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS, Period, bounds

MOMENTS = st.integers(time_ns("2020-01-01T00:00:00"), time_ns("2037-12-31T00:00:00"))
ZONES = st.sampled_from(sorted(available_timezones()))


@pytest.mark.parametrize(
    ("period", "zone", "moment", "start", "end"),
    [
        (Period.HOUR, "Asia/Kolkata", "2026-11-21T12:10:00", "2026-11-21T11:30:00", "2026-11-21T12:30:00"),
        (Period.DAY, "UTC", "2026-11-21T12:00:00", "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
        (Period.DAY, "Europe/Berlin", "2026-11-21T23:30:00", "2026-11-21T23:00:00", "2026-11-22T23:00:00"),
        (Period.DAY, "Europe/Berlin", "2026-03-29T12:00:00", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),  # 23 h
        (Period.DAY, "Europe/Berlin", "2026-10-25T12:00:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),  # 25 h
        (Period.WEEK, "UTC", "2026-11-22T23:59:59", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        (Period.MONTH, "America/New_York", "2026-12-01T04:59:59", "2026-11-01T04:00:00", "2026-12-01T05:00:00"),
        (Period.MONTH, "UTC", "2024-02-29T00:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        (Period.QUARTER, "UTC", "2026-11-21T12:00:00", "2026-10-01T00:00:00", "2027-01-01T00:00:00"),
        (Period.YEAR, "Pacific/Auckland", "2026-12-31T11:00:00", "2026-12-31T11:00:00", "2027-12-31T11:00:00"),
    ],
)
def test_a_period_of_a_time_zone(period: Period, zone: str, moment: str, start: str, end: str) -> None:
    assert bounds(period, ZoneInfo(zone), time_ns(moment)) == (time_ns(start), time_ns(end))


def test_the_hour_that_the_clock_repeats_is_two_periods() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = time_ns("2026-10-25T00:30:00"), time_ns("2026-10-25T01:30:00")  # 02:30 twice
    assert bounds(Period.HOUR, berlin, first) == (first - NS_PER_HOUR // 2, first + NS_PER_HOUR // 2)
    assert bounds(Period.HOUR, berlin, second) == (second - NS_PER_HOUR // 2, second + NS_PER_HOUR // 2)


@settings(max_examples=500, deadline=None)
@given(period=st.sampled_from(sorted(set(Period) - {Period.RUN})), zone=ZONES, moment=MOMENTS)
def test_periods_of_every_zone_follow_on_each_other_at_quarter_hours(period: Period, zone: str, moment: int) -> None:
    start, end = bounds(period, ZoneInfo(zone), moment)
    assert start <= moment < end
    assert start % QUARTER_HOUR_NS == end % QUARTER_HOUR_NS == 0
    assert bounds(period, ZoneInfo(zone), end)[0] == end
    assert bounds(period, ZoneInfo(zone), start - NS_PER_SECOND)[1] == start
