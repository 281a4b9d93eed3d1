"""Forecasts where it is known what devices will cost: by the hour of the week, and from a day on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from fakes.manual_clock import ManualClock
from support.metered import GPU0, GPU1, Machine, budget, time_ns
from support.tariffs import DISK, tariff
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.budgets import BudgetState
from taximeter_exporter.metering.exchange import ExchangeRate, ExchangeTable
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.usage import Usage
from taximeter_exporter.pricing.quote import schedule_for

HOUR = 3600


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """With two GPUs at 20 USD an hour by day and 8 by night, on a Monday at noon."""
    machine = Machine(
        tmp_path / "ledger.db",
        devices=(GPU0, GPU1),
        prices=(tariff("20"), tariff("8", "22:00-06:00")),
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
    machine.prices = (tariff("20", effective_to=date(2026, 11, 20)), tariff("30", effective_from=date(2026, 11, 20)))
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
    machine.prices = (tariff("20", effective_to=date(2026, 11, 20)),)
    machine.start()
    pass_hours(machine, 10)
    assert foreseen(machine) == (28 * 24 + 2) * 20


def test_time_without_a_price_is_not_foreseen(machine: Machine) -> None:
    """As nobody knows how much of the machine is a device that has none; a week after it begins, all is right."""
    machine.prices = (tariff("20", effective_from=date(2026, 11, 3)),)
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


def test_a_price_in_another_currency_counts_at_the_present_exchange_rate(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    table = ExchangeTable(
        [ExchangeRate(currency="USD", into="EUR", rate=Decimal("0.5"), start_ns=time_ns("2026-01-01T00:00:00"))]
    )
    machine.prices = (
        tariff("20", effective_to=date(2026, 11, 20)),
        tariff("30", currency="EUR", effective_from=date(2026, 11, 20)),
    )
    machine.budgets = (budget(currency="EUR", exchange=table), budget(name="dollars"))
    machine.start()
    pass_hours(machine, 10)
    assert foreseen(machine) == (17 * 24 + 2) * 10 + 11 * 24 * 30
    assert foreseen(machine, "dollars") == (17 * 24 + 2) * 20
    assert caplog.messages.count("budget dollars: spending in EUR is not counted: no exchange rate") == 1
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
    machine.prices = (tariff("20", gpus=1), tariff("8", "22:00-06:00", gpus=1))
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
    by_hours = machine.prices
    machine.prices = (tariff("20"),)
    machine.start()
    pass_hours(machine, 10)
    assert foreseen(machine) == (28 * 24 + 2) * 20
    spent = states(machine)["all"].spent
    machine.prices = by_hours
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
