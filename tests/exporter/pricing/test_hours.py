"""Prices by the hour of the day: by the clock on the wall, also on the nights on which it is put to another time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import GPU0, Machine, price, time_ns
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import load
from taximeter_exporter.pricing.hours import WEEKDAYS, Hours, parse_hours
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.pricing.quote import schedule_for

NS = 10**9
HOUR = 3600 * NS
MINUTE = 60 * NS
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, KATHMANDU = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")
ALL_WEEK = range(7)


def hours(text: str, zone: ZoneInfo = BERLIN, weekdays: str = "") -> Hours:
    return parse_hours(text, [WEEKDAYS.index(day) for day in weekdays.split()] or ALL_WEEK, zone)


def at(text: str, per_hour: str, zone: ZoneInfo = BERLIN, weekdays: str = "") -> Price:
    return replace(price(per_hour, gpus=1), hours=hours(text, zone, weekdays))


def edges(of: Hours, start: str, end: str) -> list[str]:
    """From one moment on, up to another."""
    found = of.edges_between(time_ns(start) - 1, time_ns(end))
    return [datetime.fromtimestamp(edge // NS, UTC).strftime("%dT%H:%M") for edge in found]


@pytest.mark.parametrize(
    ("zone", "text", "day", "expected"),
    [
        (BERLIN, "22:00-06:00", "2026-01-10", ["10T05:00", "10T21:00"]),
        # 29 March: at 02:00 it is 03:00; 25 October: at 03:00 it is 02:00 again.
        (BERLIN, "22:00-06:00", "2026-03-29", ["29T04:00", "29T20:00"]),
        (BERLIN, "22:00-06:00", "2026-10-25", ["25T05:00", "25T21:00"]),
        (BERLIN, "02:30-05:00", "2026-03-29", ["29T01:00", "29T03:00"]),
        (BERLIN, "01:00-02:30", "2026-03-29", ["29T00:00", "29T01:00", "29T23:00"]),
        (BERLIN, "02:10-02:50", "2026-03-29", []),
        (BERLIN, "02:30-04:00", "2026-10-25", ["25T00:30", "25T01:00", "25T01:30", "25T03:00"]),
        (BERLIN, "02:10-02:50", "2026-10-25", ["25T00:10", "25T00:50", "25T01:10", "25T01:50"]),
        # 8 March: at 02:00 it is 03:00; 1 November: at 02:00 it is 01:00 again.
        (NEW_YORK, "23:00-07:00", "2026-03-08", ["08T04:00", "08T11:00"]),
        (NEW_YORK, "23:00-07:00", "2026-11-01", ["01T03:00", "01T12:00"]),
        # Half an hour: 5 April, at 02:00 it is 01:30 again.
        (LORD_HOWE, "01:30-02:00", "2026-04-04", ["04T14:30", "04T15:30"]),
        (LORD_HOWE, "01:45-03:00", "2026-04-04", ["04T14:45", "04T15:00", "04T15:15", "04T16:30"]),
        # 4 October, at 02:00 it is 02:30: within an hour of UTC.
        (LORD_HOWE, "02:15-03:00", "2026-10-03", ["03T15:30", "03T16:00"]),
        # There a week begins within an hour of UTC.
        (KATHMANDU, "00:00-00:10", "2026-03-01", ["01T18:15", "01T18:25"]),
    ],
)
def test_hours_begin_and_end_as_the_clock_on_the_wall_shows(
    zone: ZoneInfo, text: str, day: str, expected: list[str]
) -> None:
    assert edges(hours(text, zone), f"{day}T00:00:00", f"{day}T23:59:59") == expected


@pytest.mark.parametrize(
    ("zone", "noon", "held_hours"),
    [
        (BERLIN, "2026-01-09T11:00:00", 8),
        (BERLIN, "2026-03-28T11:00:00", 7),
        (BERLIN, "2026-10-24T10:00:00", 9),
        (NEW_YORK, "2026-03-07T17:00:00", 7),
        (NEW_YORK, "2026-10-31T16:00:00", 9),
    ],
)
def test_a_night_is_billed_as_long_as_it_is(tmp_path: Path, zone: ZoneInfo, noon: str, held_hours: int) -> None:
    """From noon on 24 hours: the night at 4 an hour, the rest at 10, exact to the nanosecond."""
    machine = Machine(tmp_path / "ledger.db", prices=[price("10", gpus=1), at("22:00-06:00", "4", zone)])
    machine.clock.set_time(by_seconds=(time_ns(noon) - machine.clock.time_ns()) // NS)
    meter = machine.start()
    for step in (1, 3_599_999_999_999, 7 * HOUR + 1, 24 * HOUR):
        left = 24 * HOUR - (machine.clock.time_ns() - time_ns(noon))
        machine.clock.advance(ns=min(step, left))
        meter.tick()
    assert sum(meter.state().cost.values()) == 4 * held_hours + 10 * (24 - held_hours)


def test_days_are_those_on_which_the_hours_begin() -> None:
    weekend = hours("22:00-06:00", BERLIN, "fri")
    assert edges(weekend, "2026-11-16T00:00:00", "2026-11-23T00:00:00") == ["20T21:00", "21T05:00"]
    sunday = hours("20:00-04:00", BERLIN, "sun")
    assert edges(sunday, "2026-11-17T00:00:00", "2026-11-23T12:00:00") == ["22T19:00", "23T03:00"]
    whole = hours("00:00-24:00", BERLIN, "sat sun")
    assert edges(whole, "2026-11-16T00:00:00", "2026-11-23T12:00:00") == ["20T23:00", "22T23:00"]
    assert edges(hours("00:00-24:00"), "2026-11-16T00:00:00", "2026-11-23T12:00:00") == []
    assert str(weekend) == "22:00-06:00 on fri (Europe/Berlin)"
    assert str(hours("00:00-24:00")) == "00:00-24:00 (Europe/Berlin)"


_MINUTE = st.integers(0, 1439)
_SPANS = st.builds(
    lambda start, length, days, zone: Hours(start, length, tuple(sorted(days)), zone),
    _MINUTE,
    st.integers(1, 1440),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU, ZoneInfo("UTC")]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    span=_SPANS,
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    second=st.integers(0, 86399),
    fine=st.integers(0, 999),
)
def test_at_any_time_it_is_as_the_clock_on_the_wall_says(span: Hours, day: date, second: int, fine: int) -> None:
    """The rule itself, told another way: it is within hours that began today, or yesterday and go past midnight."""
    time = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    wall = time.astimezone(span.timezone)
    minute = wall.hour * 60 + wall.minute
    today = wall.weekday() in span.weekdays and span.start_minute <= minute < span.start_minute + span.minutes
    before = (wall.weekday() - 1) % 7 in span.weekdays and minute < span.start_minute + span.minutes - 1440
    moment = int(time.timestamp()) * NS + fine
    assert span.hold_at(moment) == (today or before)
    # It changes at its edges, and nowhere else; an edge at either end of the time that is asked for is not in it.
    start = moment - 30 * HOUR
    minutes = range(start - start % MINUTE, moment + 1, MINUTE)
    edges = [edge for edge in minutes if span.hold_at(edge - 1) != span.hold_at(edge)]
    assert list(span.edges_between(start, moment)) == [edge for edge in edges if start < edge < moment]
    for edge in edges:
        assert list(span.edges_between(edge, edge + 1)) == []
        assert list(span.edges_between(edge - 1, edge + 1)) == [edge]


def test_hours_go_before_the_price_without_and_between_days() -> None:
    winter = replace(at("22:00-06:00", "4"), effective_from=date(2026, 1, 1), effective_to=date(2026, 4, 1))
    summer = replace(at("23:00-05:00", "3"), effective_from=date(2026, 4, 1))
    schedule = schedule_for([price("10", gpus=1), winter, summer], [GPU0])

    def per_hour(moment: str) -> Decimal | None:
        rate = schedule.at(time_ns(moment))
        return None if rate is None else rate.price

    assert per_hour("2025-12-31T22:30:00") == 10
    assert per_hour("2026-01-01T00:00:00") == 4
    assert per_hour("2026-03-31T20:30:00") == 4
    assert per_hour("2026-04-01T00:00:00") == 3
    assert per_hour("2026-04-01T03:30:00") == 10
    assert per_hour("2026-04-01T21:30:00") == 3
    looked_at = schedule.changes_between(time_ns("2026-03-31T12:00:00"), time_ns("2026-04-02T00:00:00"))
    changes = [moment for moment in looked_at if schedule.at(moment - 1) != schedule.at(moment)]
    assert [datetime.fromtimestamp(change // NS, UTC).strftime("%dT%H:%M") for change in changes] == [
        "31T20:00",
        "01T00:00",
        "01T03:00",
        "01T21:00",
    ]


_DAYS = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(days=st.tuples(_DAYS, _DAYS, _DAYS, _DAYS), second=st.integers(0, 366 * 86400), night=st.booleans())
def test_one_schedule_after_another_is_each_in_its_time(
    days: tuple[date | None, ...], second: int, night: bool
) -> None:
    first = schedule_for([replace(price("1"), effective_from=days[0], effective_to=days[1])], [GPU0])
    later = [replace(price("2"), effective_from=days[2]), replace(at("22:00-06:00", "3"), effective_to=days[3])]
    second_one = schedule_for(later[: 1 + night], [GPU0])
    moment = time_ns("2026-01-01T00:00:00") + second * NS
    both = first.then(moment, second_one)
    days_ns = {time_ns(f"{day}T00:00:00") for day in days if day is not None}
    for edge in sorted({moment, *days_ns, time_ns("2025-06-01T00:00:00"), time_ns("2027-06-01T00:00:00")}):
        for near in (edge - 1, edge, edge + 1):
            assert both.at(near) == (first if near < moment else second_one).at(near)
            found = both.changes_between(near, near + 2)
            assert (near + 1 in found) or both.at(near) == both.at(near + 1)


def test_without_a_price_for_the_rest_of_the_day_that_is_not_priced(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", prices=[at("06:00-18:00", "10", ZoneInfo("UTC"))])
    meter = machine.start()
    machine.clock.advance(ns=7 * HOUR)
    meter.tick()
    assert sum(meter.state().cost.values()) == 60
    (device,) = meter.state().devices
    assert (device.rate, device.unpriced_ns) == (None, HOUR)


MINIMAL = """\
host: {provider: acme, region: lab, instance_type: box}
prices:
  - {provider: acme, region: lab, instance_type: box, per_hour: 10, currency: USD}
"""


def tariff(more: str) -> str:
    return f"  - {{provider: acme, region: lab, instance_type: box, per_hour: 4, currency: USD, {more}}}\n"


NIGHT = tariff("hours: 22:00-06:00, timezone: Europe/Berlin")


def test_tariffs_are_read_from_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "taximeter.yaml"
    weekend = tariff("hours: 06:00-22:00, weekdays: [sun, sat], timezone: Europe/Berlin")
    path.write_text(MINIMAL + NIGHT + weekend, encoding="utf-8")
    assert [str(found.hours) for found in load(path, {}).prices] == [
        "None",
        "22:00-06:00 (Europe/Berlin)",
        "06:00-22:00 on sat sun (Europe/Berlin)",
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            NIGHT + tariff("hours: 05:59-07:00, timezone: Europe/Berlin"),
            "prices[2].hours: 05:59-07:00 (Europe/Berlin) overlap prices[1], 22:00-06:00 (Europe/Berlin), both",
        ),
        (
            tariff("weekdays: [sat], timezone: UTC") + tariff("hours: 20:00-01:00, weekdays: [fri], timezone: UTC"),
            "prices[2].hours: 20:00-01:00 on fri (UTC) overlap prices[1], 00:00-24:00 on sat (UTC)",
        ),
        (
            tariff("hours: 20:00-01:00, weekdays: [sun], timezone: UTC") + tariff("weekdays: [mon], timezone: UTC"),
            "prices[2].hours: 00:00-24:00 on mon (UTC) overlap prices[1]",
        ),
        (
            NIGHT + tariff("hours: 07:00-08:00, timezone: UTC"),
            "prices[2].timezone: is not Europe/Berlin as in prices[1]",
        ),
        (
            tariff("hours: 22-06, timezone: UTC"),
            "prices[1].hours: '22-06' are no hours; write for instance 22:00-06:00",
        ),
        (tariff("hours: 24:00-06:00, timezone: UTC"), "prices[1].hours: '24:00-06:00' has a time that no clock shows"),
        (tariff("hours: 22:60-06:00, timezone: UTC"), "has a time that no clock shows"),
        (tariff("hours: 06:00-06:00, timezone: UTC"), "'06:00-06:00' is no time at all; write 00:00-24:00"),
        (tariff("hours: 22:00-06:00"), "prices[1].timezone: is missing; write by whose clock"),
        (tariff("hours: 22:00-06:00, timezone: Mars"), "prices[1].timezone: 'Mars' is not a time zone"),
        (tariff("timezone: UTC"), "prices[1].timezone: goes with `hours` or `weekdays`"),
        (tariff("weekdays: [], timezone: UTC"), "prices[1].weekdays: "),
        (tariff("weekdays: [caturday], timezone: UTC"), "prices[1].weekdays[0]: must be one of: fri, mon"),
    ],
)
def test_hours_that_cannot_be_name_the_field_and_the_remedy(tmp_path: Path, more: str, words: str) -> None:
    path = tmp_path / "taximeter.yaml"
    path.write_text(MINIMAL + more, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
