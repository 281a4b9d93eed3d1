"""What `meter.steps` adds to a training step: a metered loop beside a bare one, around the same 5 ms of work.

Run with `tests` on PYTHONPATH: `python -m bench.step_overhead [--format json]`. Exit status 1 if it is 1% or more.

The two loops alternate within one process, and the figure is the median over the repetitions of the difference of
their mean steps. The work ends at a fixed moment after its beginning, so it is the same in both loops whatever the
machine does; what differs is what happens around it. A scraper reads the metrics all the while.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable

import taximeter

STEP_MS = 5.0
LIMIT_PERCENT = 1.0
REPETITIONS = 15
STEPS = 60
SCRAPE_SECONDS = 1.0


class Batch:
    """Stands for a tensor of images: all that the meter looks at is the shape."""

    shape = (64, 3, 32, 32)


def work(milliseconds: float) -> None:
    """Keep this thread busy for so long."""
    until = time.perf_counter_ns() + round(milliseconds * 1e6)
    while time.perf_counter_ns() < until:
        pass


def loop(batches: Iterable[Batch], meter: taximeter.Meter | None) -> float:
    """Mean microseconds of a step."""
    began = time.perf_counter_ns()
    steps = 0
    for _ in batches:
        work(STEP_MS)
        if meter is not None:
            meter.log(loss=0.5, learning_rate=0.1)
        steps += 1
    return (time.perf_counter_ns() - began) / steps / 1e3


def measure() -> dict[str, float | int | bool]:
    """Run both loops in turn. All times in microseconds."""
    batches = [Batch()] * STEPS
    scrapes = 0
    done = threading.Event()
    with taximeter.Meter(project="bench", listen="127.0.0.1:0") as meter:
        url = meter.metrics_url
        if url is None:
            raise SystemExit("no port for the metrics")

        def scrape() -> None:
            nonlocal scrapes
            while not done.wait(SCRAPE_SECONDS):
                with urllib.request.urlopen(url) as answer:
                    answer.read()
                scrapes += 1

        scraper = threading.Thread(target=scrape)
        scraper.start()
        try:
            bare: list[float] = []
            metered: list[float] = []
            for _ in range(REPETITIONS):
                bare.append(loop(batches, None))
                metered.append(loop(meter.steps(batches), meter))
        finally:
            done.set()
            scraper.join()
        with urllib.request.urlopen(url):
            pass
    overhead = statistics.median(with_meter - without for with_meter, without in zip(metered, bare, strict=True))
    percent = 100 * overhead / (STEP_MS * 1e3)
    return {
        "step_us": STEP_MS * 1e3,
        "bare_us": statistics.median(bare),
        "metered_us": statistics.median(metered),
        "overhead_us": overhead,
        "overhead_percent": percent,
        "limit_percent": LIMIT_PERCENT,
        "repetitions": REPETITIONS,
        "steps_per_repetition": STEPS,
        "scrapes": scrapes,
        "holds": percent < LIMIT_PERCENT,
    }


def main() -> int:
    """Print the figures. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    as_json = parser.parse_args().format == "json"
    figures = measure()
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        rows = [
            ("a step's work", f"{figures['step_us']:,.1f} µs"),
            ("bare step", f"{figures['bare_us']:,.1f} µs"),
            ("metered step", f"{figures['metered_us']:,.1f} µs"),
            ("the meter adds", f"{figures['overhead_us']:,.1f} µs, {figures['overhead_percent']:.2f}% of a step"),
            ("limit", f"{figures['limit_percent']:g}%"),
            (
                "measured over",
                f"{figures['repetitions']} × {figures['steps_per_repetition']} steps of each kind in turn, "
                f"{figures['scrapes']} scrapes meanwhile",
            ),
        ]
        sys.stdout.write("".join(f"{name:<16}{value}\n" for name, value in rows))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
