"""The last hour, minute by minute: exact, and no longer than an hour."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from fakes.manual_clock import ManualClock
from support.metered import GPU0, Machine, time_ns
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Reading, Sample, Snapshot
from taximeter_exporter.metering.usage import Share
from taximeter_exporter.web.live.last_hour import MINUTE_NS, LastHour, Minute


def snapshot(utilization: float | None) -> Snapshot:
    reading = None if utilization is None else Reading(utilization_ratio=utilization)
    sample = Sample(device=GPU0, reading=reading)
    return Snapshot(samples=(sample,), collect_success=True, last_success_time_ns=None, duration_ns=0)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """At 1 USD a second, ten seconds before a full minute; what it does is idle."""
    clock = ManualClock(elapsed_ns=1000 * NS_PER_SECOND, time_ns=time_ns("2026-11-21T12:00:50"))
    machine = Machine(tmp_path / "ledger.db", clock=clock, in_use={"GPU-0": False})
    machine.start()
    return machine


def follow(machine: Machine, seconds: int, *, hour: LastHour, utilization: float | None = 0.5) -> list[Minute]:
    for _ in range(seconds):
        machine.pass_time(1)
        hour.record(snapshot(utilization), machine.meter.state())
    return hour.minutes(machine.meter.state())


def test_each_minute_has_what_was_booked_in_it(machine: Machine) -> None:
    hour = LastHour()
    hour.record(snapshot(0.5), machine.meter.state())
    follow(machine, 10, hour=hour)
    run = machine.register()
    for _ in range(60):
        minutes = follow(machine, 1, hour=hour)
        machine.renew(run)
    minutes = follow(machine, 1, hour=hour)
    assert [minute.start_ns for minute in minutes] == [
        time_ns("2026-11-21T12:00:00"),
        time_ns("2026-11-21T12:01:00"),
        time_ns("2026-11-21T12:02:00"),
    ]
    assert minutes[0].cost == {Share.IDLE: {"USD": Fraction(10)}}
    # a leased device is booked up to the last renewal, so the last second of a minute is of the next one
    assert minutes[1].cost == {Share.ACTIVE: {"USD": Fraction(59)}, Share.IDLE: {}}
    booked = sum(money["USD"] for minute in minutes for money in minute.cost.values() if money)
    assert booked == sum(machine.meter.state().cost.values())


def test_utilization_is_the_mean_of_the_readings(machine: Machine) -> None:
    hour = LastHour()
    hour.record(snapshot(0.0), machine.meter.state())
    hour.record(snapshot(1.0), machine.meter.state())
    hour.record(snapshot(None), machine.meter.state())
    assert [minute.utilization_ratio for minute in hour.minutes(machine.meter.state())] == [0.5]
    nothing = LastHour()
    nothing.record(snapshot(None), machine.meter.state())
    assert [minute.utilization_ratio for minute in nothing.minutes(machine.meter.state())] == [None]


def test_it_is_one_hour_and_no_more(machine: Machine) -> None:
    hour = LastHour()
    for _ in range(70):
        machine.clock.advance(seconds=60)
        machine.meter.tick()
        hour.record(snapshot(0.5), machine.meter.state())
    minutes = hour.minutes(machine.meter.state())
    assert len(minutes) == 61, "sixty full ones, and the one that is going on"
    starts = [minute.start_ns for minute in minutes]
    assert starts == list(range(starts[0], starts[0] + 61 * MINUTE_NS, MINUTE_NS))
    assert all(minute.cost == {Share.IDLE: {"USD": Fraction(60)}} for minute in minutes[1:-1])


def test_what_was_before_it_began_is_not_of_its_first_minute(machine: Machine) -> None:
    machine.pass_time(5)
    hour = LastHour()
    assert hour.minutes(machine.meter.state()) == []
    hour.record(snapshot(0.5), machine.meter.state())
    minutes = follow(machine, 2, hour=hour)
    assert minutes[0].cost == {Share.IDLE: {"USD": Fraction(2)}}
