"""Whatever the order of what happens, everything adds up exactly."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.metered import GPU0, GPU1, Machine, budget, price
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.runs import LeaseConflictError, LeaseEndedError
from taximeter_exporter.metering.state import RunState

NAMES = st.sampled_from(["a", "b", "c"])
DEVICES = st.sampled_from([None, ("GPU-0",), ("GPU-1",)])


class Metering(RuleBasedStateMachine):
    """Two GPUs at 1 USD a second, runs that come and go, restarts, and a time of day that is set."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.machine = Machine(
            Path(self.folder.name) / "ledger.db",
            devices=(GPU0, GPU1),
            prices=(price("7200.07"),),
            budgets=(budget(), budget(name="vision", scope={"project": "vision"})),
        )
        self.begun_ns = self.machine.clock.elapsed_ns()
        self.machine.start()
        self.leases: dict[str, RunState] = {}
        self.was_set = False

    @rule(ns=st.integers(1, 40 * NS_PER_SECOND))
    def tick(self, ns: int) -> None:
        self.machine.clock.advance(ns=ns)
        self.machine.meter.tick()

    @rule(ns=st.integers(1, NS_PER_HOUR))
    def pass_time(self, ns: int) -> None:
        self.machine.clock.advance(ns=ns)

    @rule(busy=st.sampled_from([True, False, None]), device=st.sampled_from(["GPU-0", "GPU-1"]))
    def use(self, busy: bool | None, device: str) -> None:
        self.machine.in_use[device] = busy

    @rule(name=NAMES, devices=DEVICES, project=st.sampled_from(["vision", "text"]))
    def register(self, name: str, devices: tuple[str, ...] | None, project: str) -> None:
        known = self.machine.meter.run(name)
        try:
            self.leases[name] = self.machine.register(
                name, resume=True, project=known.run.project if known else project, devices=devices
            )
        except LeaseConflictError:
            assert known is not None and known.run.active

    @rule(name=NAMES)
    def renew(self, name: str) -> None:
        if name in self.leases:
            try:
                self.machine.renew(self.leases[name])
            except LeaseEndedError:
                del self.leases[name]

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        if name in self.leases:
            self.machine.end(self.leases.pop(name))

    @rule(seconds=st.integers(0, 3000))
    def restart(self, seconds: int) -> None:
        self.machine.kill()
        self.machine.clock.advance(seconds=seconds)
        self.machine.start()

    @rule(seconds=st.integers(-100_000, 100_000))
    def set_time(self, seconds: int) -> None:
        self.was_set = True
        self.machine.clock.set_time(by_seconds=seconds)

    @invariant()
    def all_that_is_booked_is_all_that_has_passed(self) -> None:
        rows = self.machine.ledger.usage()
        for device in ("GPU-0", "GPU-1"):
            booked = self.machine.ledger.cursors()[device].booked_ns - self.begun_ns
            assert sum(row.ns for row in rows if row.uuid == device) == booked
            assert booked <= self.machine.clock.elapsed_ns() - self.begun_ns

    @invariant()
    def what_is_shown_is_what_is_in_the_ledger(self) -> None:
        rows = self.machine.ledger.usage()
        state = self.machine.meter.state()
        total = sum((row.rate.cost(row.ns) for row in rows if row.rate), Fraction())
        assert sum(state.cost.values(), Fraction()) == total
        active = sum((row.rate.cost(row.ns) for row in rows if row.rate and row.run), Fraction())
        runs = (self.machine.meter.run(name) for name in ("a", "b", "c"))
        assert sum((run.cost.get("USD", Fraction()) for run in runs if run), Fraction()) == active

    @invariant()
    def budgets_count_what_lies_in_their_scope(self) -> None:
        if self.was_set:
            return  # then the bookings may lie in another month
        everything, vision = self.machine.meter.state().budgets
        shares = self.machine.shares()
        assert everything.spent == sum(shares.values(), Fraction())
        assert vision.spent == shares.get(("vision", "active"), Fraction())

    def teardown(self) -> None:
        if hasattr(self, "machine"):
            self.machine.kill()
            self.folder.cleanup()


TestMetering = Metering.TestCase
TestMetering.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
