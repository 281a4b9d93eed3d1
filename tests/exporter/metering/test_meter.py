"""The meter: whose every second is, to the nanosecond, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from support.metered import GPU0, GPU1, Machine, price, time_ns
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.meter import UnknownDeviceError
from taximeter_exporter.metering.run import Result
from taximeter_exporter.metering.runs import LeaseConflictError, LeaseEndedError, UnknownRunError
from taximeter_exporter.pricing.price import Price


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "ledger.db")
    machine.start()
    yield machine
    machine.ledger.close()


def test_a_device_without_a_run_is_idle_or_unattributed_as_it_was_in_use_or_not(machine: Machine) -> None:
    machine.in_use["GPU-0"] = False
    machine.pass_time(10)
    machine.in_use["GPU-0"] = True
    machine.pass_time(5)
    machine.in_use["GPU-0"] = None  # nobody knows
    machine.pass_time(2)
    assert machine.shares() == {("", "idle"): 10, ("", "unattributed"): 7}


def test_a_run_pays_from_its_registration_to_its_end_and_not_a_nanosecond_more(machine: Machine) -> None:
    machine.in_use["GPU-0"] = False
    machine.pass_time(3)
    machine.clock.advance(ns=250)
    run = machine.register()
    machine.clock.advance(seconds=2, ns=500)
    machine.meter.tick()
    machine.clock.advance(ns=7)
    ended = machine.end(run)
    machine.clock.advance(ns=11)
    machine.meter.tick()
    assert ended.cost == {"USD": 2 + Fraction(507, NS_PER_SECOND)}
    assert ended.device_ns == 2 * NS_PER_SECOND + 507
    assert machine.shares() == {
        ("vision", "active"): 2 + Fraction(507, NS_PER_SECOND),
        ("", "idle"): 3 + Fraction(250 + 11, NS_PER_SECOND),
    }


def test_a_lease_that_is_not_renewed_ends_at_its_last_renewal(machine: Machine) -> None:
    run = machine.register()
    machine.pass_time(4)
    machine.renew(run)
    machine.pass_time(16)
    state = machine.meter.run("run")
    assert state is not None
    assert state.run.result is Result.EXPIRED
    assert state.cost == {"USD": 4}
    assert machine.shares() == {("vision", "active"): 4, ("", "unattributed"): 16}
    with pytest.raises(LeaseEndedError, match="resume"):
        machine.renew(run)


def test_no_counter_ever_goes_down_while_a_lease_is_left_to_expire(machine: Machine) -> None:
    run = machine.register()
    before: dict[tuple[str, str], Fraction] = {}
    for second in range(40):
        machine.pass_time(1)
        if second == 5:
            machine.renew(run)
        now = machine.shares()
        assert all(now[key] >= amount for key, amount in before.items())
        before = now


def test_a_run_that_resumes_goes_on_under_its_name_and_keeps_its_total(machine: Machine) -> None:
    first = machine.register()
    machine.clock.advance(seconds=5)
    machine.end(first, Result.STOPPED)
    machine.pass_time(10)
    with pytest.raises(LeaseConflictError, match="already"):
        machine.register()
    second = machine.register(resume=True)
    assert second.run.start_time_ns == first.run.start_time_ns
    machine.clock.advance(seconds=3)
    assert machine.end(second).cost == {"USD": 8}


def test_a_run_stays_with_its_project(machine: Machine) -> None:
    first = machine.register(project="vision")
    machine.clock.advance(seconds=5)
    machine.end(first)
    with pytest.raises(LeaseConflictError, match="belongs to project 'vision'"):
        machine.register(project="text", resume=True)
    assert machine.shares()[("vision", "active")] == 5


def test_a_lease_is_held_by_whoever_has_its_token(machine: Machine) -> None:
    run = machine.register()
    with pytest.raises(LeaseConflictError, match="active"):
        machine.register(resume=True)
    with pytest.raises(LeaseConflictError, match="another lease"):
        machine.meter.renew("run", "not the token", {})
    with pytest.raises(LeaseConflictError):
        machine.meter.end("run", "not the token", Result.FINISHED, {})
    with pytest.raises(UnknownRunError):
        machine.meter.renew("other", run.run.lease, {})
    with pytest.raises(UnknownDeviceError, match="GPU-0"):
        machine.register("third", devices=("GPU-9",))


def test_ending_twice_answers_the_same_and_costs_nothing(machine: Machine) -> None:
    run = machine.register()
    machine.clock.advance(seconds=5)
    first = machine.end(run)
    machine.pass_time(60)
    assert machine.end(run) == first


def test_runs_on_one_device_share_it_equally_to_the_nanosecond(machine: Machine) -> None:
    runs = [machine.register(name) for name in ("a", "b", "c")]
    machine.clock.advance(ns=1000)
    at_the_end = [machine.end(run) for run in runs]
    # The first to end is booked as far as the others were renewed; the last end books the rest.
    assert [(state.device_ns, state.settled) for state in at_the_end] == [(0, False), (0, False), (333, True)]
    states = [machine.end(run) for run in runs]
    assert [(state.device_ns, state.settled) for state in states] == [(334, True), (333, True), (333, True)]


def test_a_run_takes_only_the_devices_that_it_names(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", devices=(GPU0, GPU1), in_use={"GPU-0": False, "GPU-1": False})
    machine.start()
    one = machine.register("one", devices=("GPU-1",))
    assert one.per_hour == {"USD": 3600}
    machine.clock.advance(seconds=10)
    machine.end(one)
    both = machine.register("both")
    assert both.per_hour == {"USD": 7200}
    machine.clock.advance(seconds=10)
    machine.end(both)
    assert machine.shares() == {("vision", "active"): 30, ("", "idle"): 10}
    machine.kill()


def test_a_restart_loses_and_doubles_nothing_and_shows_the_gap(machine: Machine) -> None:
    run = machine.register()
    machine.pass_time(3)
    machine.renew(run)
    machine.meter.tick()
    machine.kill()
    machine.clock.advance(seconds=20)
    machine.start()
    machine.renew(run)
    machine.pass_time(1)
    machine.clock.advance(seconds=2)
    machine.end(run)
    assert machine.shares() == {("vision", "active"): 6, ("", "gap"): 20}
    assert machine.run_cost() == 6
    assert machine.meter.state().devices[0].gap_ns == 20 * NS_PER_SECOND
    machine.kill()
    machine.start()
    assert machine.shares() == {("vision", "active"): 6, ("", "gap"): 20}


def test_a_run_that_does_not_come_back_after_a_restart_gets_nothing_more(machine: Machine) -> None:
    machine.register()
    machine.pass_time(1)
    machine.kill()
    machine.clock.advance(seconds=20)
    machine.start()
    machine.pass_time(20)
    assert machine.run_cost() == 0  # it was never renewed after it began
    assert machine.shares() == {("", "gap"): 21, ("", "unattributed"): 20}


def test_gaps_can_be_skipped_and_stay_visible(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", bill_gaps=False)
    machine.start()
    machine.pass_time(5)
    machine.kill()
    machine.clock.advance(seconds=20)
    machine.start()
    state = machine.meter.state()
    assert machine.shares() == {("", "unattributed"): 5}
    assert state.devices[0].gap_ns == 20 * NS_PER_SECOND
    assert state.devices[0].unpriced_ns == 0
    machine.kill()


def test_after_a_reboot_only_the_time_since_it_is_a_gap(machine: Machine) -> None:
    machine.register()
    machine.pass_time(5)
    machine.kill()
    machine.clock.reboot(boot_id="boot-2", down_seconds=3600, up_seconds=30)
    machine.start()
    assert machine.shares()[("", "gap")] == 30
    state = machine.meter.run("run")
    assert state is not None and state.run.result is Result.EXPIRED


def test_a_first_start_bills_nothing_of_the_past(machine: Machine) -> None:
    assert machine.shares() == {}


@pytest.mark.parametrize("jump", [-90_000, -1, 1, 90_000], ids=["a day back", "1 s back", "1 s on", "a day on"])
def test_a_clock_that_jumps_neither_bills_nor_loses_time(machine: Machine, jump: int) -> None:
    run = machine.register()
    machine.clock.advance(seconds=5)
    machine.clock.set_time(by_seconds=jump)
    machine.clock.advance(seconds=5)
    assert machine.end(run).cost == {"USD": 10}
    machine.pass_time(3)
    assert sum(machine.shares().values()) == 13


def test_a_price_that_changes_at_midnight_counts_from_midnight(tmp_path: Path) -> None:
    day = price("3600", gpus=1)
    old = Price(
        offer=day.offer, per_hour=day.per_hour, currency="USD", gpus=1, effective_to=date.fromisoformat("2026-11-22")
    )
    new = Price(
        offer=day.offer,
        per_hour=day.per_hour * 3,
        currency="USD",
        gpus=1,
        effective_from=date.fromisoformat("2026-11-22"),
    )
    machine = Machine(tmp_path / "ledger.db", prices=(old, new))
    machine.clock.advance(seconds=12 * 3600 - 10)
    machine.start()
    run = machine.register()
    machine.clock.advance(seconds=30)
    assert machine.end(run).cost == {"USD": 10 + 3 * 20}
    machine.kill()


def test_time_without_a_price_is_counted_and_costs_nothing(tmp_path: Path) -> None:
    ended = Price(
        offer=price().offer,
        per_hour=price().per_hour,
        currency="USD",
        gpus=1,
        effective_to=date.fromisoformat("2026-01-01"),
    )
    machine = Machine(tmp_path / "ledger.db", prices=(ended,))
    machine.start()
    run = machine.register()
    machine.clock.advance(seconds=30)
    assert machine.end(run).cost == {}
    state = machine.meter.state()
    assert state.devices[0].rate is None
    assert state.devices[0].unpriced_ns == 30 * NS_PER_SECOND
    machine.kill()


def test_a_new_price_after_a_restart_does_not_touch_the_past(machine: Machine) -> None:
    machine.pass_time(10)
    machine.kill()
    machine.prices = (price("14400"),)
    machine.start()
    machine.pass_time(10)
    assert machine.shares() == {("", "unattributed"): 10 + 20}


def test_a_ledger_that_cannot_be_written_is_tried_again_and_nothing_is_lost(machine: Machine) -> None:
    run = machine.register()
    machine.ledger._connection.execute("PRAGMA query_only = ON")  # as a full disk: reads work, writes do not
    machine.pass_time(10)
    machine.renew(run)
    machine.pass_time(1)
    state = machine.meter.state()
    assert state.write_failures == 11
    assert machine.shares() == {}
    with pytest.raises(LedgerError):
        machine.register("other")
    assert machine.meter.run("other") is None
    machine.ledger._connection.execute("PRAGMA query_only = OFF")
    machine.pass_time(1)
    assert machine.end(run).cost == {"USD": 12}


def test_another_writer_is_noticed_and_nothing_is_counted_twice(machine: Machine) -> None:
    machine.pass_time(2)
    machine.ledger._connection.execute("UPDATE device SET booked_ns = booked_ns + 5")
    machine.pass_time(2)
    assert machine.meter.state().write_failures == 2
    assert machine.shares() == {("", "unattributed"): 2}


def test_a_long_run_is_kept_by_the_quarter_hour(machine: Machine) -> None:
    run = machine.register()
    machine.clock.advance(seconds=3600 * 30)
    machine.end(run)
    rows = machine.ledger._connection.execute("SELECT quarter, quantity FROM usage ORDER BY quarter").fetchall()
    assert [ns for _, ns in rows] == [900 * NS_PER_SECOND] * 120
    assert rows[0][0] * 900 * NS_PER_SECOND == time_ns("2026-11-21T12:00:00")
