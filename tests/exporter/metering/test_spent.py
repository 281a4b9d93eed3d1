"""What the machine has cost today and this month, to the last fraction."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.manual_clock import ManualClock
from support.metered import Machine, budget, time_ns
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.run import Result
from taximeter_exporter.metering.spent import zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def spent(machine: Machine) -> dict[Period, Fraction]:
    return {period.period: period.cost.get("USD", Fraction()) for period in machine.meter.state().spent}


def machine_at(path: Path, moment: str, **changes: object) -> Machine:
    clock = ManualClock(elapsed_ns=1000 * NS_PER_SECOND, time_ns=time_ns(moment))
    return Machine(path / "ledger.db", clock=clock, **changes)  # type: ignore[arg-type]


def test_a_day_begins_anew_and_a_month_goes_on(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-11-20T23:59:55")
    machine.start()
    machine.pass_time(5)
    assert spent(machine) == {Period.DAY: 0, Period.MONTH: 5}, "the day that has just begun has cost nothing"
    machine.pass_time(3)
    assert spent(machine) == {Period.DAY: 3, Period.MONTH: 8}


def test_after_a_restart_the_day_is_summed_up_from_the_ledger_with_the_gap(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-11-20T12:00:00")
    machine.start()
    machine.pass_time(10)
    machine.kill()
    machine.clock.advance(seconds=7)
    machine.start()
    assert spent(machine) == {Period.DAY: 17, Period.MONTH: 17}


def test_the_day_is_that_of_the_budgets_time_zone(tmp_path: Path) -> None:
    # midnight in Berlin is 23:00 in UTC in winter
    machine = machine_at(tmp_path, "2026-11-30T22:59:58", budgets=(budget(timezone=BERLIN),))
    machine.start()
    machine.pass_time(4)
    assert spent(machine) == {Period.DAY: 2, Period.MONTH: 2}, "a new day, and a new month, in Berlin"
    assert {period.timezone for period in machine.meter.state().spent} == {BERLIN}


def test_budgets_that_do_not_agree_on_a_time_zone_leave_it_at_utc() -> None:
    assert zone_of([budget(timezone=BERLIN), budget(timezone=BERLIN)]) == BERLIN
    assert zone_of([budget(timezone=BERLIN), budget()]) == ZoneInfo("UTC")
    assert zone_of([]) == ZoneInfo("UTC")
    assert zone_of([budget(timezone=BERLIN), budget(period=Period.RUN)]) == BERLIN, "a run's budget has no day"


def test_a_day_that_cannot_be_summed_up_waits_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_at(tmp_path, "2026-11-20T23:59:59")
    machine.start()

    def broken(**_: object) -> object:
        raise LedgerError("disk I/O error")

    monkeypatch.setattr(machine.ledger, "usage", broken)
    machine.pass_time(3)
    assert spent(machine)[Period.DAY] == 1, "still the day before, without what is not of it"
    monkeypatch.undo()
    machine.pass_time(1)
    assert spent(machine) == {Period.DAY: 3, Period.MONTH: 4}


def parts(machine: Machine, period: Period) -> dict[tuple[str, str, str], Fraction]:
    """By project, share and the device's model."""
    (spending,) = (each for each in machine.meter.state().spent if each.period is period)
    return {(key.project, key.share, key.model): amount for key, amount in spending.parts.items()}


def test_a_period_is_told_apart_by_whom_its_time_belonged_to_and_adds_up(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-11-20T12:00:00", in_use={"GPU-0": False})
    machine.start()
    machine.pass_time(4)
    run = machine.register()
    machine.pass_time(3)
    machine.meter.end(run.run.name, run.run.lease, Result.FINISHED, {})
    machine.kill()
    machine.clock.advance(seconds=5)
    machine.start()
    expected = {("", "idle", "H100"): 4, ("vision", "active", "H100"): 3, ("", "gap", "H100"): 5}
    assert parts(machine, Period.DAY) == parts(machine, Period.MONTH) == expected
    key = next(iter(machine.meter.state().spent[0].parts))
    assert (key.provider, key.pricing_model, key.currency) == ("acme", "on_demand", "USD")
    assert spent(machine) == {Period.DAY: 12, Period.MONTH: 12}


@pytest.mark.parametrize("restarted", [False, True])
def test_what_has_cost_something_before_stays_at_0_when_a_new_day_begins(tmp_path: Path, restarted: bool) -> None:
    """Of a machine that goes away the last amounts count on: one that just vanished would be taken for one of those."""
    machine = machine_at(tmp_path, "2026-11-20T23:59:57", in_use={"GPU-0": False})
    machine.start()
    machine.pass_time(3)
    if restarted:
        machine.kill()
        machine.start()
    assert parts(machine, Period.DAY) == {("", "idle", "H100"): 0}
    assert parts(machine, Period.MONTH) == {("", "idle", "H100"): 3}
