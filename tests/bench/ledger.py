"""How large a year of 8 GPUs and 1,000 runs is in the ledger, and how fast a month of it is reported.

Run with `tests` on PYTHONPATH: `python -m bench.ledger [--format json]`. Exit status 1 if it does not hold.

The year is made up, and booked by the meter itself: runs that begin at random moments, on 1, 2, 4 or 8 GPUs, two of
them on one GPU where it happens so; in between the GPUs are idle, or in use by nobody that is known. A new price each
month. Only the seconds are left out: the meter is told of the year every six hours, and when a run starts or ends.
"""

from __future__ import annotations

import heapq
import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bench.show import lines, show
from fakes.manual_clock import ManualClock
from support.metered import Machine, budget, price, time_ns
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.reports.spending import By, spending

YEAR = 2026
RUNS = 1000
MEAN_HOURS = 12
LIMIT_BYTES = 200_000_000
LIMIT_SECONDS = 1.0
REPEATS = 5
MONTH = 7
"""The month that is reported; all are alike."""


class Planned(NamedTuple):
    """A run that is to be, in nanoseconds since the year began."""

    start_ns: int
    end_ns: int
    name: str
    devices: tuple[str, ...]


def plan(devices: tuple[Device, ...], length_ns: int) -> list[Planned]:
    """The same 1,000 runs each time."""
    rng = random.Random(3)  # noqa: S311 (no secret)
    planned = []
    for number in range(RUNS):
        start_ns = rng.randrange(length_ns - NS_PER_HOUR)
        end_ns = min(length_ns, start_ns + round(rng.expovariate(1 / MEAN_HOURS) * NS_PER_HOUR) + NS_PER_SECOND)
        used = rng.sample(devices, rng.choice([1, 2, 4, 8]))
        name = f"resnet50-imagenet-sweep-{number:04d}"
        planned.append(Planned(start_ns, end_ns, name, tuple(sorted(device.uuid for device in used))))
    return planned


def machine_of(folder: Path) -> Machine:
    """Eight GPUs at a price that changes each month."""
    rng = random.Random(1)  # noqa: S311
    devices = tuple(
        Device(uuid=f"GPU-{uuid.UUID(int=rng.getrandbits(128))}", kind=DeviceKind.GPU, index=str(index), model="H100")
        for index in range(8)
    )
    firsts = [date(YEAR, month, 1) for month in range(1, 13)]
    prices = [
        replace(price(gpus=8), per_hour=Decimal("31.77") + place, effective_from=first, effective_to=after)
        for place, (first, after) in enumerate(zip(firsts, [*firsts[1:], None], strict=True))
    ]
    clock = ManualClock(elapsed_ns=NS_PER_HOUR, time_ns=time_ns(f"{YEAR}-01-01T00:00:00"))
    return Machine(folder / "ledger.db", clock=clock, devices=devices, prices=prices)


def moments(planned: list[Planned], length_ns: int) -> Iterator[int]:
    """When a run starts or ends, in order, and every six hours, when a GPU may come into use without one."""
    events = sorted({moment for run in planned for moment in (run.start_ns, run.end_ns)})
    changes = range(7 * 60 * NS_PER_SECOND, length_ns, 6 * NS_PER_HOUR)
    return heapq.merge(events, changes, [length_ns])


def live(machine: Machine) -> None:
    """Let the year pass."""
    rng = random.Random(2)  # noqa: S311
    length_ns = time_ns(f"{YEAR + 1}-01-01T00:00:00") - machine.clock.time_ns()
    coming = sorted(plan(tuple(machine.devices), length_ns), reverse=True)
    active: dict[str, tuple[Planned, RunState]] = {}
    begun_ns = machine.clock.time_ns()
    machine.start()
    for moment in moments(coming, length_ns):
        machine.clock.advance(ns=begun_ns + moment - machine.clock.time_ns())
        for _, state in active.values():
            machine.renew(state)
        machine.meter.tick()
        for run, state in [held for held in active.values() if held[0].end_ns <= moment]:
            machine.end(state)
            del active[run.name]
        while coming and coming[-1].start_ns <= moment:
            run = coming.pop()
            active[run.name] = run, machine.register(run.name, project=f"p{len(coming) % 20}", devices=run.devices)
        machine.in_use = {device.uuid: rng.random() < 0.3 for device in machine.devices}
    machine.kill()


def measure(folder: Path) -> dict[str, float | int | bool]:
    """Build the year, and ask for it. Times in seconds."""
    machine = machine_of(folder)
    began = time.perf_counter()
    live(machine)
    build = time.perf_counter() - began
    size = sum(path.stat().st_size for path in folder.glob("ledger.db*"))
    machine.budgets = [budget("1000", name=str(period), period=period) for period in Period]
    began = time.perf_counter()
    machine.start()
    start_up = time.perf_counter() - began
    figures = {"by_project": _report(machine.ledger, By.PROJECT), "by_day": _report(machine.ledger, By.DAY)}
    (rows,) = machine.ledger._connection.execute("SELECT count(*) FROM usage").fetchone()
    (runs,) = machine.ledger._connection.execute("SELECT count(*) FROM run").fetchone()
    booked_ns = sum(row.ns for row in machine.ledger.usage())
    machine.kill()
    whole_ns = time_ns(f"{YEAR + 1}-01-01T00:00:00") - time_ns(f"{YEAR}-01-01T00:00:00")
    return {
        "rows": rows,
        "runs": runs,
        "complete": booked_ns == whole_ns * len(machine.devices) and runs == RUNS,
        "build_seconds": build,
        "bytes": size,
        "limit_bytes": LIMIT_BYTES,
        "month_by_project_seconds": figures["by_project"],
        "month_by_day_seconds": figures["by_day"],
        "limit_seconds": LIMIT_SECONDS,
        "start_up_seconds": start_up,
        "holds": booked_ns == whole_ns * len(machine.devices)
        and runs == RUNS
        and size < LIMIT_BYTES
        and max(figures.values()) < LIMIT_SECONDS,
    }


def _report(ledger: SqliteLedger, by: By) -> float:
    """The slowest of some reports on a month."""
    start, end = (int(datetime(YEAR, month, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND for month in (MONTH, MONTH + 1))
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        assert spending(ledger, by=by, start_ns=start, end_ns=end, timezone=ZoneInfo("UTC"))
        times.append(time.perf_counter() - began)
    return max(times)


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    return lines(
        [
            ("a year", f"8 GPUs, {figures['runs']:,} runs, {figures['rows']:,} rows (made up)"),
            (
                "booked",
                f"in {figures['build_seconds']:.0f} s; {'all of it' if figures['complete'] else 'not all of it'}",
            ),
            ("size", f"{figures['bytes'] / 1e6:.1f} MB, limit {figures['limit_bytes'] / 1e6:.0f} MB"),
            (
                "a month's report",
                f"{figures['month_by_project_seconds'] * 1e3:.0f} ms by project,"
                f" {figures['month_by_day_seconds'] * 1e3:.0f} ms by day; limit {LIMIT_SECONDS * 1e3:.0f} ms",
            ),
            ("start-up", f"{figures['start_up_seconds'] * 1e3:.0f} ms until it meters, {len(Period)} budgets"),
        ]
    )


def _in_a_folder() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return dict(measure(Path(folder)))


if __name__ == "__main__":
    raise SystemExit(show(__doc__, _in_a_folder, in_words, lambda figures: bool(figures["holds"])))
