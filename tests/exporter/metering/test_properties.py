"""Whatever the order of what happens, everything adds up exactly."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

from fakes.manual_clock import ManualClock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.metered import GPU0, GPU1, GPU2, Machine, budget, price, process, time_ns
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.devices.mig import Instance, divide
from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.meter import UnknownDeviceError
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.metering.runs import LeaseConflictError, LeaseEndedError
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.metering.totals import CostKey

NAMES = st.sampled_from(["a", "b", "c"])
PROJECTS = st.sampled_from(["vision", "text"])
LAYOUTS: dict[tuple[int, ...], tuple[Device, ...]] = {(): (GPU1,)} | {
    slices: divide(
        GPU1,
        [
            Instance(uuid=f"MIG-{place}-{count}", place=place, profile=f"{count}g.10gb", slices=count)
            for place, count in enumerate(slices)
        ],
        slices=7,
    )
    for slices in ((7,), (3, 4), (1, 2, 3), (1, 2), (1,))
}
LEASED = st.sampled_from([None, ("GPU-0",), ("GPU-1",), ("GPU-2",), ("MIG-0-1",), ("GPU-0", "MIG-1-2")])
SOON_NS = st.integers(0, 3 * NS_PER_SECOND)
GPUS = ("GPU-0", "GPU-1", "GPU-2")
PLACES = st.integers(0, 3)
MIDNIGHT_NS = time_ns("2026-11-22T00:00:00")
BEFORE, AFTER = price("7200.07", gpus=3), price("1234.567891", gpus=3)
RUNS = ("a", "b", "c")


def gpu_of(uuid: str) -> str:
    return uuid if uuid in GPUS else "GPU-1"


class Metering(RuleBasedStateMachine):
    """Three GPUs, of which one is divided anew at times and one comes and goes, whose price changes at midnight; runs
    with leases, and runs that are only seen, which come and go; restarts; and a time of day that is set."""

    @initialize(policy=st.sampled_from(SplitPolicy), layout=st.sampled_from(list(LAYOUTS)))
    def begin(self, policy: SplitPolicy, layout: tuple[int, ...]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.machine = Machine(
            Path(self.folder.name) / "ledger.db",
            clock=ManualClock(elapsed_ns=1000 * NS_PER_SECOND, time_ns=MIDNIGHT_NS - NS_PER_HOUR),
            devices=(GPU0, *LAYOUTS[layout]),
            prices=(
                replace(BEFORE, effective_to=date(2026, 11, 22)),
                replace(AFTER, effective_from=date(2026, 11, 22)),
            ),
            budgets=(budget(), budget(name="vision", scope={"project": "vision"})),
            policy=policy,
        )
        self.layout, self.plugged = layout, False
        now_ns = self.machine.clock.elapsed_ns()
        self.begun_ns = {"GPU-0": now_ns, "GPU-1": now_ns}
        self.midnight_ns = now_ns + NS_PER_HOUR
        self.costs: dict[CostKey, Fraction] = {}
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

    @rule(steps=st.lists(st.integers(1, 2 * NS_PER_SECOND), min_size=1, max_size=8))
    def train(self, steps: list[int]) -> None:
        for ns in steps:
            self.machine.clock.advance(ns=ns)
            for name in list(self.leases):
                self.renew(name)
            self.machine.meter.tick()

    @rule(busy=st.sampled_from([True, False, None]), place=PLACES)
    def use(self, busy: bool | None, place: int) -> None:
        self.machine.in_use[self.device_at(place)] = busy

    @rule(
        place=PLACES,
        runs=st.dictionaries(
            st.sampled_from([*RUNS, None]), st.tuples(st.integers(0, 2**40), st.integers(0, 100)), max_size=3
        ),
        fresh=st.booleans(),
    )
    def run_processes(self, place: int, runs: dict[str | None, tuple[int, int]], fresh: bool) -> None:
        started_ns = self.machine.clock.elapsed_ns() if fresh else 0
        self.machine.running[self.device_at(place)] = [
            process(name, pid=pid, memory_bytes=memory, sm_percent=sm, started_ns=started_ns)
            for pid, (name, (memory, sm)) in enumerate(runs.items(), start=1)
        ]

    @rule(name=NAMES, devices=LEASED, project=PROJECTS, pids=st.sampled_from([(), (1,), (2, 3)]))
    def register(self, name: str, devices: tuple[str, ...] | None, project: str, pids: tuple[int, ...]) -> None:
        known = self.machine.meter.run(name)
        try:
            self.leases[name] = self.machine.register(
                name, resume=True, project=known.run.project if known else project, devices=devices, pids=pids
            )
        except LeaseConflictError:
            assert known is not None and known.run.active
        except UnknownDeviceError:
            metered = [entry.device for entry in self.machine.meter.state().devices]
            assert not {device.uuid for device in metered if not device.remainder}.issuperset(devices or ())

    def device_at(self, place: int) -> str:
        return self.machine.devices[place % len(self.machine.devices)].uuid

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
            try:
                self.machine.end(self.leases.pop(name))
            except LeaseEndedError:
                known = self.machine.meter.run(name)
                assert known is not None and not known.run.lease

    def change(self, *, layout: tuple[int, ...] | None = None, plugged: bool | None = None) -> None:
        self.layout = self.layout if layout is None else layout
        self.plugged = self.plugged if plugged is None else plugged
        self.machine.devices = (GPU0, *LAYOUTS[self.layout], *((GPU2,) if self.plugged else ()))

    @rule(seconds=st.integers(0, 3000), layout=st.sampled_from([None, *LAYOUTS]), plugged=st.booleans())
    def restart(self, seconds: int, layout: tuple[int, ...] | None, plugged: bool) -> None:
        self.machine.kill()
        self.machine.clock.advance(seconds=seconds)
        self.change(layout=layout, plugged=plugged)
        if plugged:
            self.begun_ns.setdefault("GPU-2", self.machine.clock.elapsed_ns())
        self.machine.start()

    @rule(layout=st.sampled_from(list(LAYOUTS)), ns=SOON_NS)
    def divide_anew(self, layout: tuple[int, ...], ns: int) -> None:
        self.machine.clock.advance(ns=ns)
        self.change(layout=layout)
        self.machine.meter.tick()

    @rule(plugged=st.booleans(), ns=SOON_NS)
    def plug(self, plugged: bool, ns: int) -> None:
        self.machine.clock.advance(ns=ns)
        self.change(plugged=plugged)
        if plugged:
            self.begun_ns.setdefault("GPU-2", self.machine.clock.elapsed_ns())
        self.machine.meter.tick()

    @rule()
    def wait_for_all_that_is_open(self) -> None:
        """No lease lives so long without a renewal, and no sight lasts so long."""
        self.machine.running = {}
        for _ in range(2):
            self.machine.clock.advance(seconds=16)
            self.machine.meter.tick()
        assert {entry.device for entry in self.machine.meter.state().devices} == set(self.machine.devices)
        cursors = self.machine.ledger.cursors()
        now_ns = self.machine.clock.elapsed_ns()
        assert {cursors[device.uuid].booked_ns for device in self.machine.devices} == {now_ns}

    @rule(seconds=st.integers(-100_000, 100_000))
    def set_time(self, seconds: int) -> None:
        self.was_set = True
        self.machine.clock.set_time(by_seconds=seconds)

    def booked(self) -> dict[str, tuple[int, int]]:
        """From when and until when each GPU's time is in the ledger."""
        cursors = self.machine.ledger.cursors()
        return {gpu: (begun_ns, cursors[gpu].booked_ns) for gpu, begun_ns in self.begun_ns.items()}

    @invariant()
    def all_that_is_booked_is_all_that_has_passed(self) -> None:
        rows = self.machine.ledger.usage()
        for gpu, (begun_ns, end_ns) in self.booked().items():
            ns = sum(row.ns * row.rate.part for row in rows if row.rate and gpu_of(row.uuid) == gpu)
            assert ns == end_ns - begun_ns
            assert end_ns <= self.machine.clock.elapsed_ns()

    @invariant()
    def no_counter_ever_goes_back(self) -> None:
        costs = self.machine.meter.state().cost
        assert all(costs[key] >= amount for key, amount in self.costs.items())
        self.costs = dict(costs)

    @invariant()
    def the_devices_cost_what_the_price_says(self) -> None:
        if self.was_set:
            return  # then midnight was another moment
        expected = Fraction()
        for begun_ns, end_ns in self.booked().values():
            before_ns = max(0, min(end_ns, self.midnight_ns) - begun_ns)
            for ns, part in ((before_ns, BEFORE), (end_ns - begun_ns - before_ns, AFTER)):
                expected += Fraction(part.per_hour) / part.gpus * ns / NS_PER_HOUR
        assert sum(self.machine.meter.state().cost.values(), Fraction()) == expected

    @invariant()
    def what_is_shown_is_what_is_in_the_ledger(self) -> None:
        rows = self.machine.ledger.usage()
        state = self.machine.meter.state()
        total = sum((row.rate.cost(row.ns) for row in rows if row.rate), Fraction())
        assert sum(state.cost.values(), Fraction()) == total
        active = sum((row.rate.cost(row.ns) for row in rows if row.rate and row.run), Fraction())
        runs = [run for name in RUNS if (run := self.machine.meter.run(name))]
        assert sum((run.cost.get("USD", Fraction()) for run in runs), Fraction()) == active
        assert sum(run.device_ns for run in runs) == sum(row.ns for row in rows if row.run)

    @invariant()
    def what_costs_now_is_what_is_here(self) -> None:
        state = self.machine.meter.state()
        time_ns = self.machine.clock.time_ns()
        if state.time_ns // NS_PER_HOUR == time_ns // NS_PER_HOUR:  # the same price holds
            now = BEFORE if time_ns < MIDNIGHT_NS else AFTER
            metered = {entry.device.gpu for entry in state.devices}
            assert state.per_hour == {"USD": Fraction(now.per_hour) * len(metered) / 3}

    @invariant()
    def nothing_runs_on_what_is_left_of_a_gpu(self) -> None:
        left = {device.uuid for layout in LAYOUTS.values() for device in layout if device.remainder}
        rows = [row for row in self.machine.ledger.usage() if row.uuid in left and row.rate and row.rate.part != 1]
        assert not any(row.run for row in rows)

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
