"""How much of a processor metering takes with 8 GPUs at one sample a second.

Run with `tests` on PYTHONPATH: `python -m bench.metering [--format json]`. Exit status 1 if it does not hold.

The meter alone, on a real ledger and with a clock that is moved on a second a tick: what it books and sums up, the
budgets and their forecasts, and the states that scrapes are answered from; reading the devices and answering is
`bench.scrape`'s. There is a week of past to forecast from, all GPUs are in use, runs renew as often as they are asked
to, and the ticks go over the end of a quarter hour.
"""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.show import show
from fakes.manual_clock import ManualClock
from support.metered import Machine, budget, price, process, time_ns
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.metering.runs import RENEW_SECONDS

LIMIT_RATIO = 0.01
TICKS = 1200
PAST_HOURS = 7 * 24
CASES = ((2, 5), (2, 50), (8, 5), (8, 50))
"""How many runs and budgets; the first is held to the limit."""


def cpu_ratio(folder: Path, runs: int, budgets: int) -> tuple[float, float]:
    """Seconds of processor time a second of metering; and the longest tick, in seconds of processor time."""
    devices = tuple(
        Device(uuid=f"GPU-{place}", kind=DeviceKind.GPU, index=str(place), model="H100") for place in range(8)
    )
    machine = Machine(
        folder / f"{runs}-{budgets}.db",
        clock=ManualClock(elapsed_ns=NS_PER_SECOND, time_ns=time_ns("2026-11-13T12:00:00")),
        devices=devices,
        prices=(price("31.77", gpus=8),),
        budgets=[
            budget("1000", name=f"b{place}", scope={"project": f"p{place}"} if place else {})
            for place in range(budgets)
        ],
        in_use={device.uuid: True for device in devices},
        running={device.uuid: [process(None, pid=100 + place)] for place, device in enumerate(devices)},
    )
    machine.start()
    # Each run has its part of the GPUs, as it would without two on one.
    states = [
        machine.register(
            f"run-{place}", project=f"p{place}", devices=tuple(device.uuid for device in devices[place::runs])
        )
        for place in range(runs)
    ]
    for _ in range(PAST_HOURS):
        machine.clock.advance(seconds=3600)
        for state in states:
            machine.renew(state)
        machine.meter.tick()
    ticks = []
    for tick in range(TICKS):
        machine.clock.advance(seconds=1)
        began = time.process_time()
        if tick % RENEW_SECONDS == 0:
            for state in states:
                machine.renew(state)
        machine.meter.tick()
        ticks.append(time.process_time() - began)
    failures = machine.meter.state().write_failures
    machine.kill()
    if failures:
        raise RuntimeError(f"the ledger was not written {failures} times")
    return sum(ticks) / TICKS, max(ticks)


def measure() -> dict[str, Any]:
    """Every case, in turn."""
    logging.disable(logging.WARNING)  # the budgets are there before their runs are, and say so
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        for runs, budgets in CASES:
            ratio, longest = cpu_ratio(Path(folder), runs, budgets)
            cases.append({"runs": runs, "budgets": budgets, "core_ratio": ratio, "longest_tick_ms": longest * 1e3})
    return {
        "ticks": TICKS,
        "limit_ratio": LIMIT_RATIO,
        "cases": cases,
        "holds": cases[0]["core_ratio"] < LIMIT_RATIO,
    }


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    head = f"8 GPUs, {TICKS} ticks of a second; limit {LIMIT_RATIO:.0%} of a core in the first case\n"
    return head + "".join(
        f"{case['runs']} runs, {case['budgets']:>2} budgets  {case['core_ratio']:.2%} of a core,"
        f" longest tick {case['longest_tick_ms']:.1f} ms\n"
        for case in figures["cases"]
    )


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
