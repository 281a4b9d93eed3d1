"""The meter: brings the time of every device into the ledger, as soon as it is known whom it belongs to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Unpack

from taximeter_exporter.clock import Clock
from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.attribution import Interval, attribute_gap
from taximeter_exporter.metering.budget_books import open_book
from taximeter_exporter.metering.budgets import Budget, BudgetState
from taximeter_exporter.metering.energy import LONGEST_SPELL_NS
from taximeter_exporter.metering.fleet import Fleet, Layout
from taximeter_exporter.metering.footprint import Footprint, footprints
from taximeter_exporter.metering.lately import Lately
from taximeter_exporter.metering.ledger import Advance, Cursor, Ledger, LedgerError
from taximeter_exporter.metering.metered import Metered
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.observation import Observation, Observations
from taximeter_exporter.metering.outlook import Outlook
from taximeter_exporter.metering.policy import SplitPolicy, owner, weigh
from taximeter_exporter.metering.run import Result, Run, Source
from taximeter_exporter.metering.runs import RunBook, RunLabels
from taximeter_exporter.metering.spent import Spending, zone_of
from taximeter_exporter.metering.state import DeviceState, MeterState, RunState
from taximeter_exporter.metering.storage import Storage, Volume
from taximeter_exporter.metering.totals import Totals
from taximeter_exporter.metering.transfer import Transfer
from taximeter_exporter.metering.usage import Usage
from taximeter_exporter.pricing.price import Rate
from taximeter_exporter.pricing.quote import Schedule

log = logging.getLogger(__name__)


class UnknownDeviceError(Exception):
    """There is no such device on this machine."""


class Meter:
    """Safe to call from any thread. Only what is in the ledger is shown, so no figure is ever taken back."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: Ledger,
        devices: Callable[[], Sequence[Device]],
        schedule: Schedule,
        budgets: Sequence[Budget],
        bill_gaps: bool,
        observe: Callable[[], Observations],
        unseen_ns: int,
        policy: SplitPolicy = SplitPolicy.EQUAL,
        volumes: Sequence[Volume] = (),
        transfer: Rate | None = None,
    ) -> None:
        """Take up where the ledger ends: book the gap since then, and go on with the runs that were active.

        `devices` says what is here now: what comes is metered from then on, and what goes no longer. `observe` says
        what is seen of the devices now; a run without a lease ends when it was not seen for more than `unseen_ns`.
        Raises `LedgerError`.
        """
        self._clock = clock
        self._ledger = ledger
        self._schedule = schedule
        self._observe = observe
        self._unseen_ns = unseen_ns
        self._policy = policy
        self._unknown_processes: Mapping[str, int] = {}
        self._footprints: list[Footprint] = []
        self._final_states: dict[str, RunState] = {}
        self._lock = threading.RLock()
        self._write_failures = 0
        self._last_write_time_ns = clock.time_ns()
        self._last_write_ns = clock.elapsed_ns()
        self._runs = RunBook(clock, ledger.runs())
        self._totals = Totals()
        self._lately = Lately(clock.time_ns(), usage_between=self._usage_between)
        past = ledger.usage()
        self._totals.add(past, self._runs.runs)
        self._budgets = [open_book(budget, usage_between=self._usage_between) for budget in budgets]
        self._spending = Spending(
            zone_of(budgets),
            models=ledger.models(),
            past=past,
            usage_between=self._usage_between,
            runs=self._runs.runs,
        )
        self._outlook = Outlook(ledger, schedule)
        for budget in budgets:
            if budget.scope and not any(budget.covers(run) for run in self._runs.runs.values()):
                log.warning("budget %s: no run so far is within its scope, %s", budget.name, dict(budget.scope))
        for book in self._budgets:
            book.enter(clock.time_ns(), self._runs.runs)
        self._spending.enter(clock.time_ns(), self._runs.runs)
        self._storage = Storage(volumes)
        self._transfer = Transfer(transfer, ledger.cursors().get(Transfer.uuid))
        self._devices = devices
        self._bill_gaps = bill_gaps
        self._fleet = Fleet(schedule)
        self._followed: Sequence[Device] = ()
        """The devices as they were when all of them, and no others, were metered."""
        self._cursors = dict(ledger.cursors())
        self._take_up()
        self._state = self._build_state()

    def state(self) -> MeterState:
        """The last state that was booked; never waits."""
        return self._state

    def tick(self) -> None:
        """Book what has become known since the last time. A ledger that cannot be written is tried again next time."""
        seen = self._observe()
        with self._lock:
            self._settle(seen)

    def register(self, name: str, *, resume: bool, **labels: Unpack[RunLabels]) -> RunState:
        """Begin or resume a run.

        Raises `UnknownDeviceError`, `LeaseConflictError`, and `LedgerError` if the run cannot be kept.
        """
        here = {metered.device.uuid for metered in self._metered if not metered.device.remainder}
        unknown = sorted(set(labels["devices"] or ()) - here)
        if unknown:
            raise UnknownDeviceError(f"no device {unknown[0]!r} here; there are: {', '.join(sorted(here))}")
        with self._lock:
            before = self._runs.runs.get(name)
            run = self._runs.register(name, resume=resume, **labels)
            try:
                self._ledger.put_run(run)
            except LedgerError:
                self._runs.restore(name, before)
                raise
            self._seat(run)
            self._state = self._build_state()
            return self._run_state(run, self._per_hour())

    def renew(self, name: str, lease: str, progress: Mapping[str, float]) -> RunState:
        """Keep a run's lease. Raises `UnknownRunError`, `LeaseConflictError`, `LeaseEndedError`."""
        with self._lock:
            return self._run_state(self._runs.renew(name, lease, progress), self._per_hour())

    def end(self, name: str, lease: str, result: Result, progress: Mapping[str, float]) -> RunState:
        """End a run and book it to its end. Raises `UnknownRunError`, `LeaseConflictError`, `LeaseEndedError`."""
        seen = self._observe()
        with self._lock:
            run = self._runs.end(name, lease, result, progress)
            self._unseat(run)
            self._settle(seen)
            return self._run_state(self._runs.runs[name], self._per_hour())

    def reconfigure(
        self,
        *,
        schedule: Schedule,
        budgets: Sequence[Budget],
        bill_gaps: bool,
        policy: SplitPolicy,
        volumes: Sequence[Volume],
        transfer: Rate | None,
    ) -> None:
        """From now on meter by these. What was before, booked or not, stays at its price.

        Raises `LedgerError` if the ledger cannot be read or written now; then all is as it was.
        """
        seen = self._observe()
        with self._lock:
            failures = self._write_failures
            self._settle(seen)
            if self._write_failures != failures:
                raise LedgerError("the ledger cannot be written now; see the log, and try again")
            time_ns, known = self._clock.time_ns(), self._ledger.cursors()
            books = [open_book(budget, usage_between=self._usage_between) for budget in budgets]
            for book in books:
                book.enter(time_ns, self._runs.runs)
            spending = self._spending.in_zone(zone_of(budgets), time_ns, self._runs.runs)
            now = Cursor(self._clock.boot_id, self._clock.elapsed_ns())
            storage, advances = self._storage.changed(volumes, known, now)
            self._write([], advances)
            self._storage, self._budgets, self._spending = storage, books, spending
            self._transfer = Transfer(transfer, known.get(Transfer.uuid))
            self._schedule = self._schedule.then(time_ns, schedule)
            self._fleet.reprice(schedule, time_ns)
            self._outlook.reprice(schedule)
            self._bill_gaps, self._policy = bill_gaps, policy
            self._state = self._build_state()

    def schedules(self) -> Mapping[str, Schedule]:
        """What each device costs over time, by its UUID."""
        return {metered.device.uuid: metered.schedule for metered in self._metered}

    def run(self, name: str) -> RunState | None:
        """One run, whenever it was."""
        with self._lock:
            run = self._runs.runs.get(name)
            return self._run_state(run, self._per_hour()) if run else None

    @property
    def _metered(self) -> Sequence[Metered]:
        """What is metered now."""
        return self._fleet.parts

    def _take_up(self) -> None:
        """Book, for all that the ledger knows, the time since then in which the host was up; and meter from now on."""
        now = Cursor(self._clock.boot_id, self._clock.elapsed_ns())
        layouts = self._fleet.arrivals(self._devices(), now.booked_ns)
        usage, advances = self._gap(layouts, now)
        offset = self._clock.time_ns() - now.booked_ns
        stored, kept = self._storage.take_up(self._cursors, now, offset, bill_gaps=self._bill_gaps)
        self._write(usage + stored, advances + kept)
        self._storage.booked(now)
        self._meter(layouts, advances)

    def _gap(self, layouts: Iterable[Layout], now: Cursor) -> tuple[list[Usage], list[Advance]]:
        """What to book for the time in which these were not metered."""
        usage: list[Usage] = []
        parts = [part for layout in layouts for part in layout.parts]
        for part in parts:
            start = self._gap_start(part.device)
            if part.device.part and start is not None and start < now.booked_ns:
                interval = Interval(
                    part.device.uuid, start, now.booked_ns, self._clock.time_ns() - self._clock.elapsed_ns()
                )
                usage += attribute_gap(interval, schedule=part.schedule, bill=self._bill_gaps)
        return usage, [Advance(part.device, self._cursors.get(part.device.uuid), now) for part in parts]

    def _gap_start(self, device: Device) -> int | None:
        """Up to where a device's time is in the ledger; `None` if it is new.

        A MIG instance may be new, or come back, on a GPU that was metered all the time: the GPU's time counts.
        """
        cursor = self._cursors.get(device.gpu, self._cursors.get(device.uuid))
        if cursor is None or not self._clock.boot_id:
            return None
        # After a reboot the host has been up since its clock began; while it was down nobody knows what it cost.
        return cursor.booked_ns if cursor.boot_id == self._clock.boot_id else 0

    def _meter(self, layouts: Sequence[Layout], advances: Iterable[Advance]) -> None:
        """These are in the ledger up to their start, and metered from there on."""
        self._cursors |= {advance.device.uuid: advance.after for advance in advances}
        self._fleet.meter(layouts)
        self._take_seats([part for layout in layouts for part in layout.parts])

    def _take_seats(self, parts: Iterable[Metered]) -> None:
        """The runs that have a lease on devices that were not metered before have them from their start on."""
        runs = [run for run in self._runs.active() if run.source is Source.LEASE]
        for part in parts:
            for run in runs:
                part.seat(run)

    def _follow_devices(self, now: int) -> None:
        """Meter what has come, as it is divided now, and no longer what has gone."""
        devices = self._devices()
        if devices == self._followed:
            return
        self._take_seats(self._fleet.follow(devices, now))
        arrived = self._fleet.arrivals(devices, now)
        if arrived:
            usage, advances = self._gap(arrived, Cursor(self._clock.boot_id, now))
            try:
                self._write(usage, advances)
            except LedgerError as error:
                self._write_failures += 1
                log.error("a device that has appeared is metered once the ledger can be written: %s", error)
                return
            self._meter(arrived, advances)
        if {part.device for part in self._metered} == set(devices):
            self._followed = devices

    def _settle(self, seen: Observations) -> None:
        now = self._clock.elapsed_ns()
        self._follow_devices(now)
        for run in self._runs.expire(now):
            self._unseat(run)
            log.warning("run %s: its lease was not renewed; it ended at its last renewal", run.name)
        here = {(metered.device.uuid, metered.device.remainder) for metered in self._metered}
        self._footprints = []
        for metered in self._fleet.unbooked:
            device = metered.device
            # of what is there no more, or is something else now, nothing is seen
            seen_here = seen.devices.get(device.uuid) if (device.uuid, device.remainder) in here else None
            self._follow(metered, seen_here or Observation(), now)
            metered.fade(now - self._unseen_ns)
        for run in self._runs.fade(now - self._unseen_ns):
            log.info("run %s: no process of it is seen any more; it ended when one last was", run.name)
        self._unknown_processes = seen.unknown_processes
        self._book_until(now)
        self._state = self._build_state()

    def _follow(self, metered: Metered, observation: Observation, now: int) -> None:
        """Keep what is seen of a device, and go on with the runs without a lease whose processes are there."""
        if metered.device.remainder:
            # nothing can run there; what the GPU says of itself is of its instances
            observation = Observation(busy=False)
        followed: set[str] = set()
        for process in observation.processes:
            if process.identity is None or process.identity.run in followed:
                continue
            run = self._runs.see(
                process.identity,
                metered.device.uuid,
                seen_ns=observation.taken_ns,
                started_ns=process.started_ns,
            )
            if run is not None:
                metered.see(run.name, observation.taken_ns)
                followed.add(run.name)
        tenants = metered.tenants(self._runs.active())
        run_of = owner(tenants, observation.processes)
        self._footprints += footprints(metered.device.uuid, tenants, observation.processes, run_of)
        metered.observe(now, observation, weigh(self._policy, observation.processes, run_of))

    def _book_until(self, now: int) -> None:
        """Book each device up to where it is known whom its time belongs to."""
        offset, active = self._clock.time_ns() - now, self._runs.active()
        cursor = Cursor(self._clock.boot_id, now)
        read = self._runs.take_bytes()
        usage, advances = self._storage.due(cursor, offset)
        moved = self._transfer.due(self._runs.runs, read, cursor)
        usage += moved[0]
        advances += moved[1]
        due = self._fleet.due(now, active)
        cursors = dict(self._cursors)
        for layout, end in due:
            for part in layout.parts:
                uuid, after = part.device.uuid, Cursor(self._clock.boot_id, end)
                usage += part.usage(end, offset)
                advances.append(Advance(part.device, cursors.get(uuid), after))
                cursors[uuid] = after
        try:
            self._write(usage, advances)
        except LedgerError as error:
            self._runs.give_back_bytes(read)
            self._write_failures += 1
            log.error("the ledger cannot be written, and is tried again: %s", error)
            return
        self._storage.booked(cursor)
        self._transfer.booked(moved[1])
        self._cursors = cursors
        self._fleet.booked(due)

    def _write(self, usage: Sequence[Usage], advances: Sequence[Advance]) -> None:
        """To the ledger first, and only then to the sums that are shown. Raises `LedgerError`."""
        changed = [self._runs.runs[name] for name in self._runs.changed]
        self._ledger.book(usage, advances, changed)
        self._runs.changed.clear()
        time_ns = self._last_write_time_ns = self._clock.time_ns()
        self._last_write_ns = self._clock.elapsed_ns()
        self._totals.add(usage, self._runs.runs)
        self._lately.add(usage, time_ns)
        self._spending.add(usage, advances, self._runs.runs)
        try:
            self._spending.enter(time_ns, self._runs.runs)
        except LedgerError as error:
            log.error("the new day cannot be summed up, and is tried again: %s", error)
        for book in self._budgets:
            book.add(usage, self._runs.runs)
            try:
                book.enter(time_ns, self._runs.runs)
            except LedgerError as error:
                # What was written is written: only the budget's new period has to wait.
                log.error(
                    "budget %s: its new period cannot be summed up, and is tried again: %s", book.budget.name, error
                )

    def _seat(self, run: Run) -> None:
        for metered in self._fleet.unbooked:
            metered.seat(run)

    def _unseat(self, run: Run) -> None:
        for metered in self._fleet.unbooked:
            metered.unseat(run)

    def _usage_between(self, start_ns: int, end_ns: int) -> Sequence[Usage]:
        return self._ledger.usage(start_ns=start_ns, end_ns=end_ns)

    def _build_state(self) -> MeterState:
        time_ns, per_hour = self._clock.time_ns(), self._per_hour()
        return MeterState(
            time_ns=time_ns,
            simulated=any(metered.device.simulated for metered in self._metered),
            devices=tuple(
                DeviceState(
                    device=metered.device,
                    rate=metered.schedule.at(time_ns),
                    gap_ns=self._totals.gap_ns[metered.device.uuid],
                    unpriced_ns=self._totals.unpriced_ns[metered.device.uuid],
                    active_ns=self._lately.active_ns(metered.device.uuid),
                )
                for metered in self._metered
            ),
            cost=dict(self._totals.cost),
            last_day_cost=self._lately.cost(time_ns),
            spent=self._spending.now(),
            runs=tuple(self._run_states(per_hour)),
            footprints=tuple(self._footprints),
            budgets=tuple(self._budget_states(time_ns, per_hour)),
            per_hour=_sum(per_hour.values()),
            recent_gap_ns=self._lately.gap_ns,
            unknown_processes=self._unknown_processes,
            write_failures=self._write_failures,
            last_write_time_ns=self._last_write_time_ns,
            last_write_ns=self._last_write_ns,
        )

    def _run_states(self, per_hour: Mapping[str, Money]) -> Iterator[RunState]:
        """Of the runs that are shown. Most of them may have ended, and those do not change any more."""
        known, self._final_states = self._final_states, {}
        for run in self._runs.visible():
            state = known.get(run.name)
            is_final = state is not None and state.run is run
            if state is None or not is_final:
                state = self._run_state(run, per_hour)
                is_final = state.settled and self._has_its_energy(run)
            if is_final:
                self._final_states[run.name] = state
            yield state

    def _has_its_energy(self, run: Run) -> bool:
        """Whether the energy up to the end of a run is booked. It comes with the readings after the end."""
        after_ns = (run.end_ns or 0) + LONGEST_SPELL_NS
        return all(part.booked_ns > after_ns for part in self._fleet.unbooked)

    def _run_state(self, run: Run, per_hour: Mapping[str, Money]) -> RunState:
        rate = self._schedule.at(self._clock.time_ns())
        # A run that has just begun has cost nothing yet, which is a figure; without a price there is none.
        nothing_yet: Money = {rate.currency: Fraction()} if rate and run.active else {}
        return RunState(
            run=run,
            devices=tuple(metered.device.uuid for metered in self._metered if metered.serves(run)),
            device_ns=self._totals.run_ns[run.name],
            millijoules=self._totals.run_millijoules.get(run.name),
            cost=nothing_yet | self._totals.run_cost[run.name],
            per_hour=per_hour.get(run.name, {}) if run.active else {},
            unbooked_ns=self._unbooked_ns(run) if run.active else 0,
            settled=not (run.active or run.bytes_unbooked or any(part.awaits(run) for part in self._fleet.unbooked)),
        )

    def _unbooked_ns(self, run: Run) -> int:
        now = self._clock.elapsed_ns()
        booked = (part.booked_ns for part in self._metered if part.serves(run))
        return now - max(run.start_ns, min(booked, default=now))

    def _budget_states(self, time_ns: int, per_hour: Mapping[str, Money]) -> list[BudgetState]:
        if not self._budgets:
            return []
        now = self._outlook.now(
            time_ns,
            parts=self._metered,
            active=self._runs.active(),
            visible=self._runs.visible(),
            runs=self._runs.runs,
            per_hour=per_hour,
            storage_per_hour=self._storage.per_hour(),
        )
        return [state for book in self._budgets for state in book.states(now)]

    def _per_hour(self) -> Mapping[str, Money]:
        """What the devices and volumes cost at present, by the run that it is for, or under the empty name for none."""
        active, time_ns = self._runs.active(), self._clock.time_ns()
        per_hour = {"": self._storage.per_hour()}
        for metered in self._metered:
            rate = metered.schedule.at(time_ns)
            if rate is None:
                continue
            whole = rate.device_per_hour()
            for run, share in metered.shares(active).items():
                money = per_hour.setdefault(run, {})
                money[rate.currency] = money.get(rate.currency, Fraction()) + share * whole
        return per_hour


def _sum(amounts: Iterable[Money]) -> Money:
    total: Money = {}
    for money in amounts:
        for currency, amount in money.items():
            total[currency] = total.get(currency, Fraction()) + amount
    return total
