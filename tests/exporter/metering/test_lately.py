"""What was booked not long ago, on a real ledger and a clock that a test moves."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from support.metered import GPU0, GPU1, OFFER, Machine, price
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.pricing.price import Rate, Unit

HOUR, QUARTER = 3600, 900


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "ledger.db", devices=(GPU0, GPU1))


def active_hours(machine: Machine) -> dict[str, float]:
    return {entry.device.uuid: entry.active_ns / NS_PER_HOUR for entry in machine.meter.state().devices}


def day_cost(machine: Machine) -> dict[tuple[str, str], Fraction]:
    """By share and currency; a device costs a USD a second."""
    cost = machine.meter.state().last_day_cost
    return {(str(share), currency): amount for (share, currency), amount in cost.items()}


def recent_gap(machine: Machine) -> float:
    return machine.meter.state().recent_gap_ns / NS_PER_SECOND


def pass_time(machine: Machine, seconds: int, *runs: RunState) -> None:
    """Tick now and then, more often while there are leases to renew."""
    step = 20 if runs else 100
    for _ in range(seconds // step):
        machine.clock.advance(seconds=step)
        for run in runs:
            machine.renew(run)
        machine.meter.tick()


def test_the_time_that_runs_had_a_device_counts_for_a_day(machine: Machine) -> None:
    machine.start()
    run = machine.register(devices=("GPU-0",))
    pass_time(machine, 2 * HOUR, run)
    assert active_hours(machine) == {"GPU-0": 2, "GPU-1": 0}
    machine.end(run)
    pass_time(machine, 22 * HOUR)
    assert active_hours(machine) == {"GPU-0": 2, "GPU-1": 0}
    pass_time(machine, QUARTER)
    assert active_hours(machine)["GPU-0"] == 1.75
    pass_time(machine, 2 * HOUR)
    assert active_hours(machine)["GPU-0"] == 0
    machine.kill()


def test_several_runs_on_a_device_have_it_once(machine: Machine) -> None:
    machine.devices = (GPU0,)
    machine.start()
    pass_time(machine, HOUR, *[machine.register(name) for name in ("a", "b", "c")])
    assert active_hours(machine) == {"GPU-0": 1}
    machine.kill()


def test_a_restart_begins_anew(machine: Machine) -> None:
    machine.start()
    pass_time(machine, HOUR, machine.register())
    assert active_hours(machine)["GPU-0"] == 1
    machine.kill()
    machine.start()
    assert active_hours(machine)["GPU-0"] == 0
    machine.kill()


@pytest.mark.parametrize("bill_gaps", [True, False])
def test_a_gap_is_told_for_half_an_hour_after_it_was_found(machine: Machine, bill_gaps: bool) -> None:
    machine.bill_gaps = bill_gaps
    machine.start()
    assert recent_gap(machine) == 0
    machine.kill()
    machine.clock.advance(seconds=2 * HOUR)
    machine.start()
    assert recent_gap(machine) == 2 * 2 * HOUR
    pass_time(machine, HOUR // 2 - 100)
    assert recent_gap(machine) == 2 * 2 * HOUR
    pass_time(machine, 100)
    assert recent_gap(machine) == 0
    assert machine.meter.state().devices[0].gap_ns == 2 * NS_PER_HOUR
    machine.kill()


def test_the_gap_of_a_device_that_comes_back_is_added(machine: Machine) -> None:
    machine.start()
    machine.kill()
    machine.clock.advance(seconds=60)
    machine.devices = (GPU0,)
    machine.start()
    assert recent_gap(machine) == 60
    pass_time(machine, 600)
    machine.devices = (GPU0, GPU1)
    machine.meter.tick()
    assert recent_gap(machine) == 60 + 660
    pass_time(machine, HOUR // 2 - 600)
    assert recent_gap(machine) == 660
    machine.kill()


def test_what_the_last_day_cost_is_told_by_share_while_it_goes_on(machine: Machine) -> None:
    machine.in_use = {"GPU-0": False, "GPU-1": False}
    machine.start()
    assert day_cost(machine) == {}
    pass_time(machine, HOUR)
    assert day_cost(machine) == {("idle", "USD"): 2 * HOUR}
    machine.in_use["GPU-1"] = True
    pass_time(machine, HOUR)
    assert day_cost(machine) == {("idle", "USD"): 3 * HOUR, ("unattributed", "USD"): HOUR}
    machine.in_use["GPU-1"] = False
    pass_time(machine, 200)
    assert day_cost(machine) == {("idle", "USD"): 3 * HOUR + 2 * 200, ("unattributed", "USD"): HOUR}
    pass_time(machine, 100)
    assert day_cost(machine) == {("idle", "USD"): 3 * HOUR + 2 * 300}
    machine.kill()


def test_it_is_the_last_day_by_quarter_hours(machine: Machine) -> None:
    machine.in_use = {"GPU-0": False, "GPU-1": False}
    machine.start()
    pass_time(machine, 24 * HOUR)
    assert day_cost(machine) == {("idle", "USD"): 2 * 24 * HOUR}
    pass_time(machine, QUARTER)
    assert day_cost(machine) == {("idle", "USD"): 2 * 24 * HOUR}
    pass_time(machine, 100)
    assert day_cost(machine) == {("idle", "USD"): 2 * (24 * HOUR + 100 - QUARTER)}
    machine.kill()


def test_what_the_last_day_cost_survives_a_restart_and_a_gap_does_not_go_on(machine: Machine) -> None:
    machine.in_use = {"GPU-0": False, "GPU-1": False}
    machine.start()
    pass_time(machine, HOUR)
    machine.kill()
    machine.clock.advance(seconds=HOUR)
    machine.start()
    assert day_cost(machine) == {("gap", "USD"): 2 * HOUR}
    pass_time(machine, 400)
    assert day_cost(machine) == {("idle", "USD"): 2 * (HOUR + 400)}
    machine.kill()


def test_storage_and_time_without_a_price_are_not_in_it(tmp_path: Path) -> None:
    disk = Volume("data", Rate(offer=OFFER, price=Decimal(1), unit=Unit.GB_MONTH, currency="USD"))
    machine = Machine(tmp_path / "ledger.db", prices=(price("3600", gpus=1),), volumes=(disk,))
    machine.in_use = {"GPU-0": False, "GPU-1": False}
    machine.start()
    machine.devices = (GPU0, GPU1)
    pass_time(machine, HOUR)
    assert machine.meter.state().devices[1].unpriced_ns > 0
    assert day_cost(machine) == {("idle", "USD"): HOUR}
    machine.kill()
