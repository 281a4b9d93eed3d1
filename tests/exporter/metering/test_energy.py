"""Energy goes to whom the time belonged, to the millijoule, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.metered import GPU0, Machine, price
from taximeter_exporter.metering.energy import EnergyTimeline, Spell, energy_usage
from taximeter_exporter.metering.usage import Category, Share, Usage

SECOND = 10**9
TIME = Usage(0, "GPU-0", None, "", Category.COMPUTE, Share.IDLE, 1)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "ledger.db", in_use={"GPU-0": False}, joules={"GPU-0": 1000.0})
    machine.start()
    machine.meter.tick()
    yield machine
    machine.kill()


def use(machine: Machine, joules: float, *, seconds: int = 1) -> None:
    """Time passes, and the GPU uses energy."""
    for _ in range(seconds):
        machine.joules["GPU-0"] += joules
        machine.pass_time(1)


def booked(machine: Machine) -> dict[tuple[str, str], int]:
    """Millijoules in the ledger, by run and share."""
    return {
        (row.run, str(row.share)): row.quantity for row in machine.ledger.usage() if row.category is Category.ENERGY
    }


def test_energy_goes_to_whom_the_time_belonged(machine: Machine) -> None:
    use(machine, 50, seconds=3)
    run = machine.register()
    use(machine, 400, seconds=2)
    machine.renew(run)
    use(machine, 400, seconds=1)
    ended = machine.end(run)
    use(machine, 60)
    assert booked(machine) == {("", "idle"): 150_000 + 60_000, ("run", "active"): 1_200_000}
    assert ended.millijoules == 1_200_000
    assert machine.run_cost() == 3, "energy has no price of its own"


def test_runs_on_one_gpu_share_its_energy_as_they_share_its_time(machine: Machine) -> None:
    runs = [machine.register(name) for name in ("a", "b", "c")]
    use(machine, 100)
    for run in runs:
        machine.renew(run)
    machine.meter.tick()
    assert booked(machine) == {("a", "active"): 33_334, ("b", "active"): 33_333, ("c", "active"): 33_333}


def test_a_counter_that_begins_anew_is_not_taken_for_energy(machine: Machine) -> None:
    use(machine, 100)
    machine.joules["GPU-0"] = 5.0  # the driver was loaded again
    machine.pass_time(1)
    use(machine, 100)
    assert sum(booked(machine).values()) == 200_000


def test_energy_that_nobody_read_for_a_minute_is_nobodys(machine: Machine) -> None:
    del machine.joules["GPU-0"]
    machine.pass_time(90)
    machine.joules["GPU-0"] = 99_000.0
    machine.pass_time(1)
    assert booked(machine) == {}
    assert len(machine.meter._metered[0]._busy.changes()) < 3, "nothing is kept for a reading that does not come"


def test_a_ledger_that_cannot_be_written_loses_no_energy(machine: Machine) -> None:
    machine.ledger._connection.execute("PRAGMA query_only = ON")
    use(machine, 100, seconds=5)
    machine.ledger._connection.execute("PRAGMA query_only = OFF")
    use(machine, 100)
    assert sum(booked(machine).values()) == 600_000


def test_reports_of_money_leave_energy_out(machine: Machine) -> None:
    use(machine, 100, seconds=5)
    machine.kill()
    machine.start()
    assert machine.shares() == {("", "idle"): 5}
    assert machine.meter.state().devices[0].unpriced_ns == 0


def test_a_gpu_without_a_counter_has_no_energy(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", devices=(GPU0,), prices=(price(),))
    machine.start()
    run = machine.register()
    machine.clock.advance(seconds=5)
    assert machine.end(run).millijoules is None
    machine.kill()


@given(
    millijoules=st.integers(1, 10**7),
    pieces=st.lists(st.integers(1, 10**10), min_size=1, max_size=8),
)
def test_the_parts_of_a_spell_are_the_spell(millijoules: int, pieces: list[int]) -> None:
    rows = [replace(TIME, run=str(place), quantity=ns) for place, ns in enumerate(pieces)]
    parts = list(energy_usage(Spell(0, sum(pieces), millijoules), rows))
    assert sum(part.quantity for part in parts) == millijoules
    for part in parts:
        exact = millijoules * pieces[int(part.run)] / sum(pieces)
        assert abs(part.quantity - exact) < 1.0001


def test_a_reading_that_is_shown_twice_counts_once() -> None:
    timeline = EnergyTimeline()
    for now, taken, joules in ((1, 1, 1.0), (2, 1, 1.0), (3, 3, 4.5), (4, 3, 4.5)):
        timeline.observe(now * SECOND, taken * SECOND, joules)
    assert timeline.due(10 * SECOND) == [Spell(SECOND, 3 * SECOND, 3500)]
