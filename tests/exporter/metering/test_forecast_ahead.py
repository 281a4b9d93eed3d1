"""Forecasts where it is known what devices will cost: by the hour of the week, and from a day on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.manual_clock import ManualClock
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.metered import GPU0, GPU1, OFFER, Machine, budget, price, time_ns
from support.tariffs import HOURS, ZONES, prices
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.exchange import ExchangeRate, ExchangeTable
from taximeter_exporter.metering.forecast import WINDOW_NS, forecast
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS, Period
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.metering.usage import Usage
from taximeter_exporter.pricing.hours import Hours, parse_hours
from taximeter_exporter.pricing.price import Offer, Price, PricingModel, Rate, Unit
from taximeter_exporter.pricing.quote import schedule_for

UTC = ZoneInfo("UTC")
HOUR = 3600
MINUTE = 60 * NS_PER_SECOND
DISK = Volume(
    "disk",
    Rate(
        offer=Offer(provider="acme", region="lab", instance_type="disk", pricing_model=PricingModel.ON_DEMAND),
        price=Decimal("7.3"),
        unit=Unit.GB_MONTH,
        currency="USD",
        part=Fraction(100),
    ),
)
"""1 USD an hour."""


def at(per_hour: str, hours: str = "", *, zone: ZoneInfo = UTC, currency: str = "USD", **changes: date) -> Price:
    """Of two GPUs."""
    found = parse_hours(hours, range(7), zone) if hours else None
    return replace(price(per_hour, currency=currency), hours=found, **changes)  # type: ignore[arg-type]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """With two GPUs at 20 USD an hour by day and 8 by night, on a Monday at noon."""
    machine = Machine(
        tmp_path / "ledger.db",
        devices=(GPU0, GPU1),
        prices=(at("20"), at("8", "22:00-06:00")),
        clock=ManualClock(elapsed_ns=NS_PER_SECOND, time_ns=time_ns("2026-11-02T12:00:00")),
        budgets=(budget(), budget(name="vision", scope={"project": "vision"})),
    )
    yield machine
    machine.kill()


def pass_hours(machine: Machine, hours: float) -> None:
    machine.clock.advance(seconds=round(hours * HOUR))
    machine.meter.tick()


def states(machine: Machine) -> dict[str, BudgetState]:
    return {state.budget.name: state for state in machine.meter.state().budgets}


def foreseen(machine: Machine, name: str = "all") -> Fraction:
    """What is to come until the period ends."""
    state = states(machine)[name]
    assert state.forecast is not None
    return state.forecast - state.spent


def test_what_runs_now_costs_the_price_of_the_hours_to_come(machine: Machine) -> None:
    """It is 20:30, and the machine has been on for eight hours and a half: soon are an hour and a half by day."""
    machine.budgets = (budget(period=Period.DAY), budget(name="week", period=Period.WEEK))
    machine.start()
    pass_hours(machine, 8.5)
    assert foreseen(machine) == 20 * Fraction(3, 2) + 8 * 2
    nights, days = 6 * 8 + 2, 6 * 16 + Fraction(3, 2)
    assert foreseen(machine, "week") == nights * 8 + days * 20


def test_runs_at_night_are_forecast_to_run_at_night(machine: Machine) -> None:
    """One GPU each night for six of its eight hours: the mean of the week would have them by day as well."""
    machine.start()
    for night in range(7):
        pass_hours(machine, 10)
        run = machine.register(f"night-{night}", devices=("GPU-0",))
        machine.clock.advance(seconds=6 * HOUR)
        machine.end(run)
        pass_hours(machine, 8)
    # the 9th, at noon: until the month ends there are 22 nights, of which two hours are the next month's
    assert foreseen(machine, "vision") == Fraction(6, 8) * 4 * (21 * 8 + 2)
    # and what runs now does so for three hours by day
    machine.register("day", devices=("GPU-1",))
    assert foreseen(machine, "vision") == Fraction(6, 8) * 4 * (21 * 8 + 2) + 3 * 10


def test_a_price_that_begins_later_is_foreseen_from_its_day_on_and_at_once(machine: Machine) -> None:
    """A GPU for five of ten hours; on the 20th its price goes from 10 to 15 USD."""
    machine.prices = (at("20", effective_to=date(2026, 11, 20)), at("30", effective_from=date(2026, 11, 20)))
    machine.start()
    run = machine.register(devices=("GPU-0",))
    machine.clock.advance(seconds=5 * HOUR)
    machine.end(run)
    pass_hours(machine, 5)
    before, after = 17 * 24 + 2, 11 * 24  # hours: it is the 2nd, 22:00
    assert foreseen(machine, "vision") == Fraction(1, 2) * ((before - 3) * 10 + after * 15)
    assert foreseen(machine) == before * 20 + after * 30
    pass_hours(machine, before + 24)
    # a day after it everything is at the new price; of the week before, a week less a day was at the old one
    assert foreseen(machine) == (after - 24) * 30


def test_a_price_that_ends_and_none_that_follows_is_taken_to_go_on(machine: Machine) -> None:
    machine.prices = (at("20", effective_to=date(2026, 11, 20)),)
    machine.start()
    pass_hours(machine, 10)
    assert foreseen(machine) == (28 * 24 + 2) * 20


def test_time_without_a_price_is_not_foreseen(machine: Machine) -> None:
    """As nobody knows how much of the machine is a device that has none; a week after it begins, all is right."""
    machine.prices = (at("20", effective_from=date(2026, 11, 3)),)
    machine.start()
    pass_hours(machine, 0.5)
    assert foreseen(machine) == 0
    pass_hours(machine, 11.5)
    assert foreseen(machine) == 3 * 20
    pass_hours(machine, 36)
    assert foreseen(machine) == 3 * 20 + (27 * 24 - 15) * 20 * Fraction(36, 48)


def test_volumes_go_on_as_they_are_beside_a_tariff(machine: Machine) -> None:
    machine.start()
    pass_hours(machine, 10)
    devices = foreseen(machine)
    machine.kill()
    machine.volumes = (DISK,)
    machine.start()
    pass_hours(machine, 10)
    left = 27 * 24 + 16  # hours: it is the 3rd, 08:00
    assert devices == 20 * (28 * 16) + 8 * (28 * 8 + 2)
    assert foreseen(machine) == 20 * (27 * 16 + 14) + 8 * (27 * 8 + 2) + 3 + (left - 3) * Fraction(10, 20)


def test_a_price_in_another_currency_counts_at_the_present_exchange_rate(machine: Machine) -> None:
    table = ExchangeTable(
        [ExchangeRate(currency="USD", into="EUR", rate=Decimal("0.5"), start_ns=time_ns("2026-01-01T00:00:00"))]
    )
    machine.prices = (
        at("20", effective_to=date(2026, 11, 20)),
        at("30", currency="EUR", effective_from=date(2026, 11, 20)),
    )
    machine.budgets = (budget(currency="EUR", exchange=table), budget(name="dollars"))
    machine.start()
    pass_hours(machine, 10)
    assert foreseen(machine) == (17 * 24 + 2) * 10 + 11 * 24 * 30
    assert foreseen(machine, "dollars") == (17 * 24 + 2) * 20
    pass_hours(machine, 18 * 24)
    assert foreseen(machine) == (10 * 24 + 2) * 30
    assert foreseen(machine, "dollars") == 0


def test_a_gpu_that_went_and_one_that_came_are_foreseen_by_their_time(machine: Machine) -> None:
    machine.devices = (GPU0,)
    machine.start()
    pass_hours(machine, 5)
    machine.devices = (GPU1,)
    pass_hours(machine, 0)
    pass_hours(machine, 5)
    assert foreseen(machine) == 10 * (28 * 16) + 4 * (28 * 8 + 2)


def test_a_gpu_that_the_price_does_not_cover_costs_nothing_tomorrow_either(machine: Machine) -> None:
    machine.prices = (replace(at("20"), gpus=1), replace(at("8", "22:00-06:00"), gpus=1))
    machine.devices = (GPU0,)
    machine.start()
    machine.devices = (GPU0, GPU1)
    pass_hours(machine, 0)
    pass_hours(machine, 10)
    assert [device.rate is None for device in machine.meter.state().devices] == [False, True]
    assert foreseen(machine) == 20 * (28 * 16) + 8 * (28 * 8 + 2)


def test_parts_of_a_gpu_are_parts_of_its_price(machine: Machine) -> None:
    parts = {"MIG-a": Fraction(2, 7), "MIG-b": Fraction(3, 7)}
    machine.devices = (
        replace(GPU0, part=Fraction(2, 7), remainder=True),
        *(replace(GPU0, uuid=uuid, parent="GPU-0", part=part) for uuid, part in parts.items()),
    )
    machine.start()
    run = machine.register(devices=("MIG-b",))
    machine.clock.advance(seconds=10 * HOUR)
    machine.renew(run)
    machine.meter.tick()
    whole = 10 * (28 * 16) + 4 * (28 * 8 + 2)
    assert foreseen(machine) == whole
    assert foreseen(machine, "vision") == Fraction(3, 7) * whole


def test_a_tariff_that_is_loaded_later_holds_for_what_is_ahead_alone(machine: Machine) -> None:
    tariff = machine.prices
    machine.prices = (at("20"),)
    machine.start()
    pass_hours(machine, 10)
    assert foreseen(machine) == (28 * 24 + 2) * 20
    spent = states(machine)["all"].spent
    machine.prices = tariff
    machine.meter.reconfigure(
        schedule=schedule_for(machine.prices, machine.devices),
        budgets=machine.budgets,
        bill_gaps=machine.bill_gaps,
        policy=machine.policy,
        volumes=machine.volumes,
        transfer=machine.transfer,
    )
    assert states(machine)["all"].spent == spent == 200
    assert foreseen(machine) == 20 * (28 * 16) + 8 * (28 * 8 + 2)


def test_a_past_that_cannot_be_read_leaves_the_present_use_at_the_known_prices(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.start()
    pass_hours(machine, 9)

    def broken(**_: object) -> list[Usage]:
        raise LedgerError("a disk that cannot be read")

    monkeypatch.setattr(machine.ledger, "usage", broken)
    pass_hours(machine, 1)
    assert foreseen(machine) == 20 * (28 * 16) + 8 * (28 * 8 + 2)


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

    def _pass(self, minutes: int) -> None:
        self.machine.clock.advance(seconds=60 * minutes)
        self.machine.meter.tick()


START_NS = time_ns("2026-03-01T00:00:00")


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
    whole = [replace(at("10"), gpus=1), *(each for each in found if each.hours is not None)]
    with tempfile.TemporaryDirectory() as folder:
        every = budget(period=period, timezone=ZoneInfo(zone))
        life = _Life(folder, data, whole, budgets=(every,))
        life.live(data.draw(st.integers(0, 3)))
        state = states(life.machine)["all"]
        assert state.end_ns is not None
        life.machine.clock.advance(ns=state.end_ns - life.machine.clock.time_ns())
        life.machine.meter.tick()
        booked = life.machine.ledger.usage(start_ns=state.start_ns, end_ns=state.end_ns)
        life.machine.kill()
    assert state.forecast == sum((row.rate.cost(row.quantity) for row in booked if row.rate), Fraction())


def slot(found: list[Price], time_ns: int) -> tuple[bool, ...]:
    return tuple(each.hours.hold_at(time_ns) for each in found if each.hours is not None)


@_examples(10)
@given(data=st.data(), nights=st.lists(HOURS, min_size=1, max_size=1), zone=st.sampled_from(ZONES))
def test_it_is_the_sum_minute_by_minute_of_the_use_in_such_hours_at_the_price_of_then(
    data: st.DataObject, nights: list[Hours], zone: str
) -> None:
    night = replace(at("4"), gpus=1, hours=nights[0])
    change = date(2026, 3, 1) + data.draw(st.integers(0, 80)) * timedelta(days=1)
    found = [
        replace(at("10", effective_to=change), gpus=1),
        replace(at("17", effective_from=change), gpus=1),
        night,
    ]
    with tempfile.TemporaryDirectory() as folder:
        runs = budget(name="vision", scope={"project": "vision"}, period=Period.WEEK, timezone=ZoneInfo(zone))
        life = _Life(folder, data, found, budgets=(runs,))
        life.live(data.draw(st.integers(1, 4)))
        state, meter, now_ns = states(life.machine)["vision"], life.machine.meter, life.machine.clock.time_ns()
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
    st.just([at("10", effective_from=date(2026, 1, 1))]),
    # ends within the time, and nobody says what comes then
    st.integers(0, 70).map(lambda days: [at("10", effective_to=date(2026, 3, 1) + timedelta(days=days))]),
    # begins long before, and ends long after
    st.just(
        [
            at("9", effective_to=date(2026, 1, 1)),
            at("10", effective_from=date(2026, 1, 1), effective_to=date(2027, 1, 1)),
            at("11", effective_from=date(2027, 1, 1)),
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
        state, moment = states(life.machine)["all"], life.machine.meter.state()
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
