"""Runs that never registered: known by the processes on the devices, and metered like any other."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from support.metered import GPU0, GPU1, Machine, budget, process
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.metering.run import Result, Run, Source
from taximeter_exporter.metering.runs import LeaseConflictError, LeaseEndedError


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "ledger.db", devices=(GPU0, GPU1), in_use={"GPU-0": False, "GPU-1": False})
    machine.start()
    yield machine
    machine.ledger.close()


def run_of(machine: Machine, name: str = "seen") -> Run:
    state = machine.meter.run(name)
    assert state is not None
    return state.run


def costs(machine: Machine, *names: str) -> dict[str, Fraction]:
    return {name: machine.run_cost(name) for name in names}


def test_it_pays_from_when_it_is_first_seen_to_when_it_was_last_seen(machine: Machine) -> None:
    machine.pass_time(10)
    begun_ns = machine.clock.time_ns()
    machine.running["GPU-0"] = [process()]
    machine.pass_time(5)  # seen at 11, and last at 15
    machine.running.clear()
    machine.pass_time(3)
    assert run_of(machine).active
    machine.pass_time(1)
    run = run_of(machine)
    assert (run.source, run.result, run.project, run.devices) == (Source.OBSERVED, Result.GONE, "vision", ("GPU-0",))
    assert run.start_time_ns == begun_ns + NS_PER_SECOND
    assert run.end_time_ns == begun_ns + 5 * NS_PER_SECOND
    assert machine.run_cost("seen") == 4
    assert machine.shares() == {("vision", "active"): 4, ("", "idle"): 34}


def test_a_process_that_is_missed_for_less_than_the_time_allowed_pays_on(machine: Machine) -> None:
    for _ in range(3):
        machine.running["GPU-0"] = [process()]
        machine.pass_time(1)
        machine.running.clear()
        machine.pass_time(3)
    assert machine.run_cost("seen") == 8
    assert run_of(machine).active


def test_ranks_on_several_devices_are_one_run_and_each_device_is_let_go_by_itself(machine: Machine) -> None:
    machine.running = {"GPU-0": [process(pid=1), process(pid=2)], "GPU-1": [process(pid=3)]}
    machine.pass_time(5)
    assert machine.meter.state().per_hour == {"USD": 7200}
    (state,) = machine.meter.state().runs
    assert state.devices == ("GPU-0", "GPU-1")
    assert state.per_hour == {"USD": 7200}
    del machine.running["GPU-1"]
    machine.pass_time(10)
    (state,) = machine.meter.state().runs
    assert state.run.active
    assert state.per_hour == {"USD": 3600}
    assert state.device_ns == (14 + 4) * NS_PER_SECOND


def test_it_goes_on_under_its_name_and_keeps_its_total(machine: Machine) -> None:
    for _ in range(2):
        machine.running["GPU-0"] = [process()]
        machine.pass_time(3)
        machine.running.clear()
        machine.pass_time(10)
    assert machine.run_cost("seen") == 4
    assert len(machine.ledger.runs()) == 1


def test_budgets_count_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "l.db", budgets=(budget(scope={"project": "vision"}),))
    machine.start()
    machine.running["GPU-0"] = [process()]
    machine.pass_time(5)
    assert machine.meter.state().budgets[0].spent == 4
    machine.kill()


def test_a_process_that_names_nothing_is_unattributed(machine: Machine) -> None:
    machine.running["GPU-0"] = [process(None)]
    machine.in_use["GPU-0"] = True
    machine.pass_time(5)
    assert machine.shares() == {("", "unattributed"): 5, ("", "idle"): 5}
    assert machine.meter.state().runs == ()


def test_several_runs_on_one_device_share_it(machine: Machine) -> None:
    machine.running["GPU-0"] = [process("a", pid=1), process("b", pid=2), process("c", pid=3)]
    machine.pass_time(1)
    machine.clock.advance(ns=1000)
    machine.meter.tick()
    assert [machine.meter.run(name).device_ns for name in "abc"] == [334, 333, 333]  # type: ignore[union-attr]


class TestLease:
    """A run with a lease is known by that alone, whatever its processes do."""

    def test_a_process_of_a_leased_run_adds_nothing(self, machine: Machine) -> None:
        lease = machine.register("seen", devices=("GPU-0",))
        machine.running = {"GPU-0": [process()], "GPU-1": [process()]}
        machine.clock.advance(seconds=5)
        machine.meter.tick()
        assert machine.end(lease).cost == {"USD": 5}
        assert machine.shares() == {("vision", "active"): 5, ("", "idle"): 5}

    def test_a_run_that_was_seen_first_goes_on_under_its_lease_without_a_break(self, machine: Machine) -> None:
        machine.running["GPU-0"] = [process()]
        machine.pass_time(3)
        machine.clock.advance(ns=500)
        first = run_of(machine)
        lease = machine.register("seen", devices=("GPU-0",))
        assert lease.run.start_time_ns == first.start_time_ns
        machine.clock.advance(seconds=2)
        assert machine.end(lease).cost == {"USD": 4 + Fraction(500, NS_PER_SECOND)}
        assert run_of(machine).source is Source.LEASE

    def test_a_process_that_lingers_after_its_run_gave_the_lease_back_does_not_revive_it(
        self, machine: Machine
    ) -> None:
        lease = machine.register("seen", devices=("GPU-0",))
        started_ns = machine.clock.elapsed_ns()
        machine.running["GPU-0"] = [process(started_ns=started_ns)]
        machine.pass_time(1)
        machine.end(lease)
        machine.pass_time(5)
        assert run_of(machine).result is Result.FINISHED
        assert machine.run_cost("seen") == 1
        # one that is started later is a new attempt
        machine.running["GPU-0"] = [process(started_ns=machine.clock.elapsed_ns())]
        machine.pass_time(3)
        assert run_of(machine).active
        assert machine.run_cost("seen") == 3

    def test_a_run_whose_lease_expired_is_followed_by_its_processes_and_can_take_a_lease_again(
        self, machine: Machine
    ) -> None:
        lease = machine.register("seen", devices=("GPU-0",))
        machine.running["GPU-0"] = [process()]
        machine.pass_time(20)  # expired after 15 s, at its start; seen from second 16 on
        assert run_of(machine).source is Source.OBSERVED
        assert machine.run_cost("seen") == 4
        for call in (machine.renew, machine.end):
            with pytest.raises(LeaseEndedError, match="register it again"):
                call(lease)
        again = machine.register("seen", devices=("GPU-0",))
        machine.clock.advance(seconds=1)
        assert machine.end(again).cost == {"USD": 5}

    def test_an_empty_lease_opens_nothing(self, machine: Machine) -> None:
        machine.running["GPU-0"] = [process()]
        machine.pass_time(1)
        with pytest.raises(LeaseEndedError):
            machine.meter.end("seen", "", Result.FINISHED, {})
        assert run_of(machine).active

    def test_a_lease_still_keeps_others_off(self, machine: Machine) -> None:
        machine.end(machine.register("seen"))
        with pytest.raises(LeaseConflictError, match="already"):
            machine.register("seen")


class TestRestart:
    """The exporter goes, and comes back."""

    def test_after_a_restart_it_goes_on_and_the_time_between_is_a_gap(self, machine: Machine) -> None:
        machine.running["GPU-0"] = [process()]
        machine.pass_time(3)
        machine.kill()
        machine.clock.advance(seconds=7)
        machine.start()
        machine.pass_time(3)
        assert machine.run_cost("seen") == 2 + 2
        assert machine.shares()[("", "gap")] == 14

    def test_what_is_gone_after_a_restart_ended_when_it_was_last_seen(self, machine: Machine) -> None:
        machine.running["GPU-0"] = [process()]
        machine.pass_time(3)
        seen_ns = machine.clock.time_ns()
        machine.kill()
        machine.running.clear()
        machine.clock.advance(seconds=7)
        machine.start()
        machine.pass_time(4)
        run = run_of(machine)
        assert (run.result, run.end_time_ns) == (Result.GONE, seen_ns)

    def test_after_a_reboot_it_is_gone(self, machine: Machine) -> None:
        machine.running["GPU-0"] = [process()]
        machine.pass_time(3)
        machine.kill()
        machine.clock.reboot(boot_id="boot-2", down_seconds=60, up_seconds=5)
        machine.start()
        assert run_of(machine).result is Result.GONE


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (SplitPolicy.EQUAL, {"seen": 4, "leased": 4}),
        (SplitPolicy.MEMORY, {"seen": 2, "leased": 6}),
        (SplitPolicy.SM, {"seen": 8, "leased": 0}),
    ],
)
def test_the_policy_decides_how_runs_share_a_device(
    tmp_path: Path, policy: SplitPolicy, expected: dict[str, int]
) -> None:
    machine = Machine(tmp_path / "l.db", policy=policy)
    machine.start()
    seen = process("seen", memory_bytes=1, sm_percent=80)
    leased = process(None, pid=7, memory_bytes=3, sm_percent=0)
    machine.running["GPU-0"] = [seen, leased]
    machine.meter.tick()
    lease = machine.register("leased", pids=(7,))
    machine.pass_time(8)
    machine.end(lease)
    assert costs(machine, "seen", "leased") == expected
    machine.kill()


def test_weights_count_from_the_sample_before_the_one_that_shows_them(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "l.db", policy=SplitPolicy.MEMORY)
    machine.start()
    for first, second in ((1, 1), (1, 3), (1, 0)):
        machine.running["GPU-0"] = [process("a", memory_bytes=first), process("b", pid=2, memory_bytes=second)]
        machine.meter.tick()
        machine.pass_time(4)
    # of 12 s: 4 at 1:1, 4 at 1:3, 4 at 1:0
    assert costs(machine, "a", "b") == {"a": 2 + 1 + 4, "b": 2 + 3}
    (a, b) = machine.meter.state().runs
    assert a.per_hour == {"USD": 3600}
    assert b.per_hour == {}
    machine.kill()


def test_a_run_that_cannot_be_weighed_makes_all_bear_the_same(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "l.db", policy=SplitPolicy.SM)
    machine.start()
    machine.running["GPU-0"] = [process("a", sm_percent=90), process("b", pid=2)]
    machine.pass_time(5)
    assert costs(machine, "a", "b") == {"a": 2, "b": 2}
    machine.kill()
