"""What `meter.steps` adds to a training step: a metered loop beside a bare one, around the same 5 ms of work.

Run with `tests` on PYTHONPATH: `python -m bench.step_overhead [--format json]`. Exit status 1 if it is 1% or more.

The two loops alternate within one process. The work ends at a fixed moment after its beginning, so it is the same in
both whatever the machine does; what differs is what happens around it. Compared are the median steps of each pair of
repetitions, since what else runs on the machine disturbs single steps far more than a meter does; the figure is the
median of the differences. A scrape falls between two steps or within one, and would vanish in a median: its processor
time is measured apart and shared out over the steps of a second, as if Prometheus scraped that often.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

import taximeter
from bench.show import lines, show

STEP_MS = 5.0
LIMIT_PERCENT = 1.0
REPETITIONS = 11
STEPS = 200
SCRAPES = 20
STEPS_A_SCRAPE = 200  # one a second

SCRAPER = """
import sys, urllib.request
for url in sys.stdin:
    with urllib.request.urlopen(url.strip()) as answer:
        print(len(answer.read()), flush=True)
"""


class Batch:
    """Stands for a tensor of images: all that the meter looks at is the shape."""

    shape = (64, 3, 32, 32)


def work(milliseconds: float) -> None:
    """Keep this thread busy for so long."""
    until = time.perf_counter_ns() + round(milliseconds * 1e6)
    while time.perf_counter_ns() < until:
        pass


def loop(batches: Iterable[Batch], meter: taximeter.Meter | None) -> float:
    """Median microseconds of a step."""
    durations = []
    began = time.perf_counter_ns()
    for _ in batches:
        work(STEP_MS)
        if meter is not None:
            meter.log(loss=0.5, learning_rate=0.1)
        ended = time.perf_counter_ns()
        durations.append((ended - began) / 1e3)
        began = ended
    return statistics.median(durations)


def measure() -> dict[str, float | int | bool]:
    """Run both loops in turn. All times in microseconds."""
    batches = [Batch()] * STEPS
    bare: list[float] = []
    metered: list[float] = []
    scraper = subprocess.Popen(
        [sys.executable, "-c", SCRAPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with scraper, taximeter.Meter(project="bench", listen="127.0.0.1:0") as meter:
        if meter.metrics_url is None or scraper.stdin is None or scraper.stdout is None:
            raise SystemExit("no port for the metrics")
        for _ in range(REPETITIONS):
            bare.append(loop(batches, None))
            metered.append(loop(meter.steps(batches), meter))
        began = time.process_time_ns()
        for _ in range(SCRAPES):
            print(meter.metrics_url, file=scraper.stdin, flush=True)
            scraper.stdout.readline()
        scrape = (time.process_time_ns() - began) / 1e3 / SCRAPES
        meter.end()
        meter.close(last_scrape_seconds=0)
        scraper.stdin.close()
    steps = statistics.median(with_meter - without for with_meter, without in zip(metered, bare, strict=True))
    overhead = steps + scrape / STEPS_A_SCRAPE
    percent = 100 * overhead / (STEP_MS * 1e3)
    return {
        "step_us": STEP_MS * 1e3,
        "bare_us": statistics.median(bare),
        "metered_us": statistics.median(metered),
        "scrape_us": scrape,
        "overhead_us": overhead,
        "overhead_percent": percent,
        "limit_percent": LIMIT_PERCENT,
        "repetitions": REPETITIONS,
        "steps_per_repetition": STEPS,
        "holds": percent < LIMIT_PERCENT,
    }


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    return lines(
        [
            ("a step's work", f"{figures['step_us']:,.1f} µs"),
            ("bare step", f"{figures['bare_us']:,.1f} µs"),
            ("metered step", f"{figures['metered_us']:,.1f} µs"),
            ("a scrape", f"{figures['scrape_us']:,.1f} µs of processor time"),
            ("the meter adds", f"{figures['overhead_us']:,.1f} µs, {figures['overhead_percent']:.2f}% of a step"),
            ("limit", f"{figures['limit_percent']:g}%"),
            (
                "measured over",
                f"{figures['repetitions']} × {figures['steps_per_repetition']} steps of each kind in turn",
            ),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
