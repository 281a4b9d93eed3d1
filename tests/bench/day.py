"""A day of samples, one a second, as fast as it goes: whether the exporter keeps anything that it should let go of.

Run with `tests` on PYTHONPATH: `python -m bench.day [--format json]`. Exit status 1 if it does not hold.

The parts of the exporter in this process, on a clock that is moved on by hand: sampler, observer, meter, ledger and
rendering. 8 GPUs are read; on each a run with two processes comes every half hour and goes after nine tenths of it, a
leased run takes all of them for most of every third hour, it is scraped every quarter of a minute, and in the middle of
the time the day and the month end, and with them the periods of budgets. What the process takes after the first half is
compared with what it takes at the end. Runs that ended stay known, at some kilobytes each, so it may grow by that.
"""

from __future__ import annotations

import gc
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.show import lines, show
from bench.watched import Watched
from fakes.manual_clock import ManualClock
from fakes.proc import FakeProc
from support.metered import budget, labels, price, time_ns
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Device, DeviceKind, Process, Reading
from taximeter_exporter.devices.sampler import SILENT_INTERVALS, Sampler
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.metering.observation import Observer
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.processes import ProcessReader
from taximeter_exporter.metering.run import Result
from taximeter_exporter.metering.runs import RENEW_SECONDS
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.pricing.quote import schedule_for
from taximeter_exporter.web.exposition import all_samples
from taximeter_exporter.web.rendering import Renderer

GPUS = 8
SECONDS = 24 * 3600
RUN_SECONDS = 1800
"""So often a run comes on each GPU."""
SCRAPE_SECONDS = 15
MOST_GROWTH_RATIO = 0.05
_MIDNIGHT = time_ns("2026-12-01T00:00:00")
_PROCESSES = 2


class Day:
    """The machine: GPUs whose processes come and go with the clock. Implements `Source`."""

    def __init__(self, clock: ManualClock, proc: FakeProc, *, run_seconds: int) -> None:
        self._clock, self._proc, self._run_seconds = clock, proc, run_seconds
        self._running: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._pids = iter(range(100, 2**22))

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`."""
        return tuple(Device(uuid=f"GPU-{n}", kind=DeviceKind.GPU, index=str(n), model="H100") for n in range(GPUS))

    def read(self, device: Device) -> Reading:
        """See `Source.read`."""
        seconds = self._clock.elapsed_ns() // NS_PER_SECOND
        # they do not all come at once
        number, second = divmod(seconds + int(device.index) * self._run_seconds // GPUS, self._run_seconds)
        pids = self._pids_of(device, number) if second < self._run_seconds * 9 // 10 else ()
        return Reading(
            utilization_ratio=0.5 + 0.5 * (second % 7) / 7 if pids else 0.0,
            memory_used_bytes=seconds % 2**30,
            memory_total_bytes=2**36,
            power_watts=300.0 + second % 100,
            energy_joules=seconds * 350.5,
            processes=tuple(Process(pid=pid, memory_used_bytes=2**30 + second, sm_percent=40) for pid in pids),
        )

    def close(self) -> None:
        """See `Source.close`."""

    def _pids_of(self, device: Device, number: int) -> tuple[int, ...]:
        before, pids = self._running.get(device.uuid, (-1, ()))
        if before != number:
            for pid in pids:
                self._proc.remove(pid)
            pids = tuple(next(self._pids) for _ in range(_PROCESSES))
            for pid in pids:
                environ = {"TAXIMETER_RUN": f"{device.uuid}-{number}", "TAXIMETER_PROJECT": f"p{number % 5}"}
                self._proc.add(pid, environ=environ, start_ticks=number)
            self._running[device.uuid] = (number, pids)
        return pids


def pass_day(folder: Path, *, seconds: int, run_seconds: int) -> Iterator[int]:
    """Live through it; gives each second, when it has passed."""
    clock = ManualClock(elapsed_ns=1000 * NS_PER_SECOND, time_ns=_MIDNIGHT - seconds // 2 * NS_PER_SECOND)
    (folder / "proc").mkdir()
    source = Day(clock, FakeProc(folder / "proc"), run_seconds=run_seconds)
    ledger = SqliteLedger(folder / "ledger.db")
    sampler = Sampler(source, source.devices(), clock, interval_ns=NS_PER_SECOND)
    meter = Meter(
        clock=clock,
        ledger=ledger,
        devices=lambda: sampler.devices,
        schedule=schedule_for([price("31.77", gpus=GPUS)], sampler.devices),
        budgets=[
            budget("1000", name="day", period=Period.DAY),
            budget("9000", name="month", scope={"project": "p1"}),
            budget("10", name="run", period=Period.RUN, scope={"project": "leased"}),
        ],
        bill_gaps=True,
        observe=Observer(sampler.snapshot, ProcessReader(folder / "proc")),
        unseen_ns=SILENT_INTERVALS * NS_PER_SECOND,
    )
    renderer, leased = Renderer(), None
    for second in range(seconds):
        clock.advance(seconds=1)
        for device in sampler.devices:
            sampler.sample_once(device)
        leased = _lease(meter, leased, second, run_seconds * 6)
        meter.tick()
        if second % SCRAPE_SECONDS == 0:
            rendered = renderer.render(all_samples(sampler.snapshot(), meter.state()), simulated=False)
            rendered.body(openmetrics=True, compressed=True)
        yield second
    sampler.stop(0)
    failures, runs = meter.state().write_failures, len(ledger.runs())
    ledger.close()
    if failures or runs < seconds // run_seconds * GPUS:
        raise RuntimeError(f"the ledger was not written {failures} times, and has {runs} runs")


def _lease(meter: Meter, leased: RunState | None, second: int, every: int) -> RunState | None:
    """A run with a lease comes as often, renews, and gives it back before the next."""
    if second % every == 0:
        return meter.register(f"leased-{second // every}", resume=False, **labels("leased"))
    if leased is None:
        return None
    if second % every == every * 5 // 6:
        meter.end(leased.run.name, leased.run.lease, Result.FINISHED, {"step": second})
        return None
    if second % RENEW_SECONDS == 0:
        meter.renew(leased.run.name, leased.run.lease, {"step": second})
    return leased


def live(folder: Path, *, seconds: int, run_seconds: int) -> dict[str, Any]:
    """What this process takes after the first half, and at the end."""
    watched = Watched(os.getpid())
    taken: dict[str, Mapping[str, int]] = {}
    began = time.process_time()
    for second in pass_day(folder, seconds=seconds, run_seconds=run_seconds):
        if second in (seconds // 2, seconds - 1):
            gc.collect()
            taken["half" if second == seconds // 2 else "end"] = {
                "resident_bytes": watched.memory().resident,
                "threads": watched.threads(),
                "descriptors": watched.descriptors(),
            }
    half, end = taken["half"], taken["end"]
    return {
        "seconds": seconds,
        "runs": seconds // run_seconds * GPUS,
        "cpu_ms_a_second": (time.process_time() - began) * 1e3 / seconds,
        "half": half,
        "end": end,
        "growth_ratio": end["resident_bytes"] / half["resident_bytes"] - 1,
        "holds": end["resident_bytes"] <= half["resident_bytes"] * (1 + MOST_GROWTH_RATIO)
        and end["threads"] == half["threads"]
        and end["descriptors"] == half["descriptors"],
    }


def measure(*, seconds: int = SECONDS, run_seconds: int = RUN_SECONDS) -> dict[str, Any]:
    """In a folder of its own."""
    logging.disable(logging.WARNING)  # runs come and go, and that is told
    with tempfile.TemporaryDirectory() as folder:
        return live(Path(folder), seconds=seconds, run_seconds=run_seconds)


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    half, end = figures["half"], figures["end"]
    return lines(
        [
            ("samples", f"{figures['seconds']:,} s of {GPUS} GPUs, with {figures['runs']:,} runs that come and go"),
            ("processor", f"{figures['cpu_ms_a_second']:.2f} ms for each second of it"),
            (
                "memory",
                f"{half['resident_bytes'] / 2**20:.1f} MiB after half, {end['resident_bytes'] / 2**20:.1f} MiB at the"
                f" end: {figures['growth_ratio']:+.1%}, limit {MOST_GROWTH_RATIO:+.0%}",
            ),
            ("threads", f"{half['threads']} after half, {end['threads']} at the end"),
            ("descriptors", f"{half['descriptors']} after half, {end['descriptors']} at the end"),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
