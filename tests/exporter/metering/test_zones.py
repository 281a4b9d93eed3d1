"""Days add up to months and months to everything, in every time zone, also on the days when the clock changes."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import GPU0, budget, price
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.budget_books import CalendarBook
from taximeter_exporter.metering.ledger import Advance, Cursor
from taximeter_exporter.metering.outlook import Now
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS, Period
from taximeter_exporter.metering.recent import Recent
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.quote import schedule_for
from taximeter_exporter.reports.spending import By, Spending, spending

ZONES = sorted(available_timezones())
MONTHS = 3
RATES = [schedule_for([price(per_hour)], [GPU0]).at(0) for per_hour in ("7200", "0.07")]
RUN = Run(name="a", project="p", lease="l", start_time_ns=1, boot_id="b", start_ns=1, renewed_ns=2, renewed_time_ns=3)


def month(zone: ZoneInfo, year: int, number: int) -> int:
    """When a month begins, in quarter hours since 1970; `number` may go beyond 12."""
    start = datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=zone)
    quarter, rest = divmod(int(start.timestamp()) * NS_PER_SECOND, QUARTER_HOUR_NS)
    assert rest == 0
    return quarter


def edges(zone: ZoneInfo, first: int, after: int) -> list[int]:
    """The quarter hours around which the clock changes or a month begins or ends."""
    moments = [datetime.fromtimestamp(quarter * 900, UTC) for quarter in range(first, after, 4)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in moments]
    changes = [first + 4 * place for place in range(1, len(offsets)) if offsets[place] != offsets[place - 1]]
    return [first, after - 1, *changes]


@st.composite
def months_of_usage(draw: st.DrawFn) -> tuple[ZoneInfo, int, int, list[Usage]]:
    """A zone, the first quarter hour of some months of it and the one after them, and usage in between."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    year, number = draw(st.integers(2020, 2036)), draw(st.integers(1, 12))
    first, after = month(zone, year, number), month(zone, year, number + MONTHS)
    near = st.builds(lambda edge, by: edge + by, st.sampled_from(edges(zone, first, after)), st.integers(-100, 100))
    quarters = st.one_of(near.filter(lambda quarter: first <= quarter < after), st.integers(first, after - 1))
    rows = st.builds(
        lambda quarter, rate, run, ns: Usage(
            quarter * QUARTER_HOUR_NS,
            GPU0.uuid,
            rate,
            run,
            Category.COMPUTE,
            Share.ACTIVE if run else Share.IDLE,
            ns,
        ),
        quarters,
        st.sampled_from([*RATES, None]),
        st.sampled_from(["", "a"]),
        st.integers(1, QUARTER_HOUR_NS),
    )
    return zone, first * QUARTER_HOUR_NS, after * QUARTER_HOUR_NS, draw(st.lists(rows, min_size=1, max_size=40))


def sums(lines: list[Spending]) -> dict[tuple[str, str], tuple[int, Fraction]]:
    """Nanoseconds and money of each line, by its key and currency."""
    return {(line.key, line.currency): (line.device_ns, line.cost) for line in lines}


def expected(usage: list[Usage], zone: ZoneInfo, form: str) -> dict[tuple[str, str], tuple[int, Fraction]]:
    """The same from the usage itself: what the wall clock of the zone showed at each quarter hour."""
    found: dict[tuple[str, str], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction()))
    for row in usage:
        key = datetime.fromtimestamp(row.quarter_ns // NS_PER_SECOND, zone).strftime(form)
        ns, cost = found[key, row.rate.currency if row.rate else ""]
        more = row.rate.cost(row.ns) if row.rate else Fraction()
        found[key, row.rate.currency if row.rate else ""] = (ns + row.ns, cost + more)
    return dict(found)


@settings(max_examples=150, deadline=None)
@given(case=months_of_usage())
def test_reports_and_budgets_add_up_in_every_time_zone(case: tuple[ZoneInfo, int, int, list[Usage]]) -> None:
    zone, start_ns, end_ns, usage = case
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db")
        try:
            ledger.book(usage, [Advance(GPU0, None, Cursor("b", 1))], [RUN])
            check(ledger, zone, start_ns, end_ns, usage)
        finally:
            ledger.close()


def check(ledger: SqliteLedger, zone: ZoneInfo, start_ns: int, end_ns: int, usage: list[Usage]) -> None:
    """Each cut by the calendar is what the wall clock says, and all of them have the same sum."""
    cuts = {
        by: spending(ledger, by=by, start_ns=start_ns, end_ns=end_ns, timezone=zone)
        for by in (By.DAY, By.MONTH, By.DEVICE, By.RUN)
    }
    days, months = sums(cuts[By.DAY]), sums(cuts[By.MONTH])
    assert days == expected(usage, zone, "%Y-%m-%d")
    assert months == expected(usage, zone, "%Y-%m")
    total = (sum(row.ns for row in usage), sum((row.rate.cost(row.ns) for row in usage if row.rate), Fraction()))
    for lines in cuts.values():
        assert (sum(line.device_ns for line in lines), sum((line.cost for line in lines), Fraction())) == total

    runs = {RUN.name: RUN}
    by_day = CalendarBook(
        budget(period=Period.DAY, timezone=zone), lambda start, end: ledger.usage(start_ns=start, end_ns=end)
    )
    by_month = CalendarBook(budget(timezone=zone), lambda start, end: ledger.usage(start_ns=start, end_ns=end))
    spent: dict[str, Fraction] = defaultdict(Fraction)
    at = start_ns
    while at < end_ns:
        by_day.enter(at, runs)
        by_month.enter(at, runs)
        now = Now(time_ns=at, per_hour={}, runs=runs, visible=(), recent=Recent((), 0), ahead=None)
        (day,), (whole,) = by_day.states(now), by_month.states(now)
        name = f"{datetime.fromtimestamp(at // NS_PER_SECOND, zone):%Y-%m}"
        assert whole.spent == months.get((name, "USD"), (0, Fraction()))[1]
        spent[name] += day.spent
        assert day.end_ns is not None
        at = day.end_ns
    assert at == end_ns
    assert {name: amount for name, amount in spent.items() if amount} == {
        name: amount for (name, currency), (_, amount) in months.items() if currency == "USD" and amount
    }
