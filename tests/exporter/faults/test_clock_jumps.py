"""The time of day is set while the meter runs, across the moments that mean something: no second is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.metered import Machine, budget, price, time_ns
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.reports.spending import By, spending

CHANGE = date.fromisoformat("2026-11-22")
HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A minute before midnight; one device at 1 USD a second, from midnight on at 3."""
    old = replace(price("3600", gpus=1), effective_to=CHANGE)
    new = replace(price("10800", gpus=1), effective_from=CHANGE)
    machine = Machine(
        tmp_path / "ledger.db",
        prices=(old, new),
        budgets=(budget(name="day", period=Period.DAY), budget(name="month")),
    )
    machine.clock.advance(seconds=12 * HOUR - 60)
    machine.start()
    yield machine
    machine.kill()


def spent(machine: Machine) -> dict[str, object]:
    return {state.budget.name: state.spent for state in machine.meter.state().budgets}


def test_a_jump_over_a_price_change_and_back_counts_each_second_at_the_price_of_its_time_of_day(
    machine: Machine,
) -> None:
    run = machine.register()
    machine.clock.advance(seconds=5)
    machine.renew(run)
    machine.meter.tick()
    machine.clock.set_time(by_seconds=HOUR)
    machine.clock.advance(seconds=7)
    machine.renew(run)
    machine.meter.tick()
    assert machine.run_cost() == 5 + 3 * 7
    machine.clock.set_time(by_seconds=-HOUR)
    machine.clock.advance(seconds=11)
    ended = machine.end(run)
    assert ended.cost == {"USD": 5 + 3 * 7 + 11}
    assert ended.device_ns == (5 + 7 + 11) * 10**9


@pytest.mark.parametrize("unbooked", [0, 5], ids=["all booked", "some seconds not booked yet"])
def test_a_jump_over_the_end_of_a_period_and_back_leaves_each_period_its_own(machine: Machine, unbooked: int) -> None:
    machine.prices = (price("3600", gpus=1),)
    machine.kill()
    machine.start()
    machine.pass_time(20)
    machine.clock.advance(seconds=unbooked)
    machine.clock.set_time(by_seconds=HOUR)
    machine.pass_time(10)
    # Seconds that were not booked when the clock was set are of the time that it shows when they are.
    assert spent(machine) == {"day": 10 + unbooked, "month": 30 + unbooked}
    machine.clock.set_time(by_seconds=-HOUR)
    machine.pass_time(3)
    assert spent(machine) == {"day": 20 + 3, "month": 33 + unbooked}
    machine.kill()
    machine.start()
    assert spent(machine) == {"day": 20 + 3, "month": 33 + unbooked}
    lines = spending(
        machine.ledger,
        by=By.DAY,
        start_ns=time_ns("2026-11-01T00:00:00"),
        end_ns=time_ns("2026-12-01T00:00:00"),
        timezone=ZoneInfo("UTC"),
    )
    assert {line.key: line.cost for line in lines} == {"2026-11-21": 23, "2026-11-22": 10 + unbooked}


@pytest.mark.parametrize("jump", [-40 * DAY, 40 * DAY], ids=["back", "on"])
def test_a_jump_while_the_exporter_is_down_bills_the_time_that_passed(machine: Machine, jump: int) -> None:
    machine.prices = (price("3600", gpus=1),)
    machine.kill()
    machine.start()
    machine.pass_time(2)
    machine.kill()
    machine.clock.advance(seconds=4)
    machine.clock.set_time(by_seconds=jump)
    machine.start()
    machine.pass_time(1)
    assert machine.shares() == {("", "unattributed"): 3, ("", "gap"): 4}
