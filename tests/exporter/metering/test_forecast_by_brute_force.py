"""Forecasts by price beside sums that are made minute by minute, in every zone; and where no price is known to come."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from fakes.manual_clock import ManualClock
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.metered import GPU0, OFFER, Machine, budget, price, time_ns
from support.tariffs import DISK, HOURS, ZONES, prices, tariff
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.forecast import WINDOW_NS, forecast
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS, Period
from taximeter_exporter.pricing.hours import Hours
from taximeter_exporter.pricing.price import Price, PricingModel
from taximeter_exporter.pricing.quote import schedule_for

START_NS = time_ns("2026-03-01T00:00:00")
MINUTE = 60 * NS_PER_SECOND


class _Life:
    """A machine with one GPU whose run comes and goes, from a moment on."""

    def __init__(self, folder: str, data: st.DataObject, found: list[Price], **more: object) -> None:
        self.data = data
        quarter = data.draw(st.integers(0, 60 * 96), label="quarter hours since March 1")
        self.machine = Machine(
            Path(folder) / "ledger.db",
            clock=ManualClock(elapsed_ns=NS_PER_SECOND, time_ns=START_NS + quarter * QUARTER_HOUR_NS),
            prices=found,
            **more,  # type: ignore[arg-type]
        )
        self.machine.start()

    def live(self, times: int) -> None:
        """By minutes: without a run and with one, in turn."""
        minutes = st.integers(1, 3 * 1440)
        for number in range(times):
            self._pass(self.data.draw(minutes))
            run = self.machine.register(f"run-{self.machine.clock.time_ns()}-{number}")
            self.machine.clock.advance(seconds=self.data.draw(minutes) * 60)
            self.machine.end(run)
        if times and self.data.draw(st.booleans()):
            self.machine.register(f"run-{self.machine.clock.time_ns()}")
        self._pass(0)

    def state(self) -> BudgetState:
        """Of its one budget."""
        (state,) = self.machine.meter.state().budgets
        return state

    def _pass(self, minutes: int) -> None:
        self.machine.clock.advance(seconds=60 * minutes)
        self.machine.meter.tick()


def _examples(count: int) -> settings:
    """Not made smaller where one fails: each is a ledger of its own, and hundreds would take minutes."""
    return settings(max_examples=count, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


_PERIODS = st.sampled_from([Period.HOUR, Period.DAY, Period.WEEK, Period.MONTH])
_PRICES = prices(first=date(2026, 2, 20), days=80)


@_examples(25)
@given(data=st.data(), found=_PRICES, period=_PERIODS, zone=st.sampled_from(ZONES))
def test_a_machine_that_is_always_on_is_foreseen_to_the_cent(
    data: st.DataObject, found: list[Price], period: Period, zone: str
) -> None:
    """In every zone, over nights that clocks make longer and days on which prices change: what is then booked."""
    whole = [tariff("10", gpus=1), *(each for each in found if each.hours is not None)]
    with tempfile.TemporaryDirectory() as folder:
        every = budget(period=period, timezone=ZoneInfo(zone))
        life = _Life(folder, data, whole, budgets=(every,))
        life.live(data.draw(st.integers(0, 3)))
        state = life.state()
        assert state.end_ns is not None
        life.machine.clock.advance(ns=state.end_ns - life.machine.clock.time_ns())
        life.machine.meter.tick()
        booked = life.machine.ledger.usage(start_ns=state.start_ns, end_ns=state.end_ns)
        life.machine.kill()
    assert state.forecast == sum((row.rate.cost(row.quantity) for row in booked if row.rate), Fraction())


def slot(found: list[Price], time_ns: int) -> tuple[bool, ...]:
    return tuple(each.hours.hold_at(time_ns) for each in found if each.hours is not None)


@_examples(10)
@given(data=st.data(), hours=HOURS, zone=st.sampled_from(ZONES))
def test_it_is_the_sum_minute_by_minute_of_the_use_in_such_hours_at_the_price_of_then(
    data: st.DataObject, hours: Hours, zone: str
) -> None:
    night = replace(tariff("4", gpus=1), hours=hours)
    change = date(2026, 3, 1) + data.draw(st.integers(0, 80)) * timedelta(days=1)
    found = [
        tariff("10", effective_to=change, gpus=1),
        tariff("17", effective_from=change, gpus=1),
        night,
    ]
    with tempfile.TemporaryDirectory() as folder:
        runs = budget(name="vision", scope={"project": "vision"}, period=Period.WEEK, timezone=ZoneInfo(zone))
        life = _Life(folder, data, found, budgets=(runs,))
        life.live(data.draw(st.integers(1, 4)))
        state, meter, now_ns = life.state(), life.machine.meter, life.machine.clock.time_ns()
        present = Fraction(any(run.run.active for run in meter.state().runs))
        last = now_ns - now_ns % QUARTER_HOUR_NS
        first = max(last - WINDOW_NS, life.machine.ledger.begun_ns() or 0)
        used: dict[tuple[bool, ...], list[int]] = {}
        for quarter in range(first, last, QUARTER_HOUR_NS):
            rows = life.machine.ledger.usage(start_ns=quarter, end_ns=quarter + QUARTER_HOUR_NS)
            used.setdefault(slot(found, quarter), []).append(sum(row.ns for row in rows if row.run))
        life.machine.kill()
    assert state.end_ns is not None
    mean = {key: Fraction(sum(each), len(each) * QUARTER_HOUR_NS) for key, each in used.items()}
    of_all = [ns for each in used.values() for ns in each]
    due, schedule = state.spent, schedule_for(found, [GPU0])
    for minute in range(now_ns, state.end_ns, MINUTE):
        rate = schedule.at(minute)
        devices = present
        if last - first >= NS_PER_HOUR and minute >= now_ns + 3 * NS_PER_HOUR:
            devices = mean.get(slot(found, minute), Fraction(sum(of_all), len(of_all) * QUARTER_HOUR_NS))
        due += devices * rate.cost(MINUTE) if rate else 0
    assert state.forecast == due


_UNKNOWN = st.one_of(
    st.just([price("10", gpus=1)]),
    st.just([tariff("10", effective_from=date(2026, 1, 1))]),
    # ends within the time, and nobody says what comes then
    st.integers(0, 70).map(lambda days: [tariff("10", effective_to=date(2026, 3, 1) + timedelta(days=days))]),
    # begins long before, and ends long after
    st.just(
        [
            tariff("9", effective_to=date(2026, 1, 1)),
            tariff("10", effective_from=date(2026, 1, 1), effective_to=date(2027, 1, 1)),
            tariff("11", effective_from=date(2027, 1, 1)),
        ]
    ),
    # a spot price, whatever is written beside it
    _PRICES.map(lambda found: [replace(each, offer=replace(OFFER, pricing_model=PricingModel.SPOT)) for each in found]),
)


@_examples(30)
@given(data=st.data(), found=_UNKNOWN, period=_PERIODS, zone=st.sampled_from(ZONES))
def test_where_no_price_is_known_to_come_figures_are_what_they_were(
    data: st.DataObject, found: list[Price], period: Period, zone: str
) -> None:
    """By money alone, to the digit: also over a restart at another price, and beside a volume."""
    with tempfile.TemporaryDirectory() as folder:
        every = budget(period=period, timezone=ZoneInfo(zone))
        life = _Life(folder, data, [replace(each, per_hour=each.per_hour + 3) for each in found], budgets=(every,))
        life.live(data.draw(st.integers(0, 2)))
        life.machine.kill()
        life.machine.prices, life.machine.volumes = found, (DISK,)
        life.machine.start()
        life.live(data.draw(st.integers(0, 2)))
        state, moment = life.state(), life.machine.meter.state()
        last = moment.time_ns - moment.time_ns % QUARTER_HOUR_NS
        first = max(last - WINDOW_NS, life.machine.ledger.begun_ns() or last)
        rows = life.machine.ledger.usage(start_ns=first, end_ns=last)
        life.machine.kill()
    past = sum((row.rate.cost(row.quantity) for row in rows if row.rate), Fraction())
    enough = last - first >= NS_PER_HOUR
    assert state.end_ns is not None
    assert state.forecast == forecast(
        state.spent,
        now_per_hour=moment.per_hour.get("USD", Fraction()),
        recent_per_hour=past * NS_PER_HOUR / (last - first) if enough else None,
        left_ns=state.end_ns - moment.time_ns,
    )
