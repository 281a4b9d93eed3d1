"""What the meter adds to a training step, everything on: a metered loop beside a bare one of the same model and data.

Run with `tests` on PYTHONPATH: `python -m bench.step_overhead [--format json]`. Exit status 1 if a limit is passed.

The two loops alternate within one process, on one thread. A step carries out a small model's forward, backward and
optimizer, again and again for so long, whatever the machine does; what differs is what happens around the model's
work, with the processor's caches as that work left them, and that alone is timed: the processor time of the loop's
thread from the end of one piece of work to the beginning of the next. All is on that `taximeter train` uses of the
meter in a step: the phases transfer, forward and backward, and optimizer, loss and gradient norm as tensors, learning
rate, epoch, and a look at the budget. Compared are the medians of each pair of repetitions, since what else runs on
the machine disturbs single steps far more than a meter does; the figure is the median of the differences.

Meanwhile the exporter, with simulated devices, is told of the run as often as it asks for, and a scraper comes as
often as Prometheus does. The threads that this takes would vanish in a median: their processor time is counted apart,
over all the time that the loops take.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import taximeter
import torch
from bench.show import lines, show
from support.programs import exporter, write_config
from torch import Tensor, nn

STEPS = {5.0: (11, 100, 0.5), 50.0: (7, 20, 0.1)}
"""For a step of so many milliseconds: repetitions, steps in each, and the limit in per cent."""
SCRAPE_SECONDS = 5.0  # as in prometheus/prometheus.yml

# As Prometheus asks, and as it does on one connection.
SCRAPER = """
import http.client, sys, time, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(url.netloc)
while True:
    connection.request("GET", url.path, headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})
    connection.getresponse().read()
    time.sleep(float(sys.argv[2]))
"""

Batch = tuple[Tensor, Tensor]


class Work:
    """A model's work, as much of it as there is time for, and the time of the loop around it."""

    def __init__(self, milliseconds: float) -> None:
        torch.manual_seed(0)
        self._milliseconds = milliseconds
        self._model = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 10)
        )
        self._optimizer = torch.optim.AdamW(self._model.parameters())
        self._worked: tuple[Tensor, Tensor] = (torch.zeros(()), torch.zeros(()))
        self._left_at = time.thread_time_ns()
        self._around_ns = 0

    def forward_backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Takes seven tenths of a step. Returns loss and gradient norm, of which nothing is kept here."""
        self._carry_out(0.7, lambda: self._forward_backward(images, labels))
        worked, self._worked = self._worked, (torch.zeros(()), torch.zeros(()))
        self._left_at = time.thread_time_ns()
        return worked

    def optimize(self) -> None:
        """Takes three tenths of a step, more than it needs."""
        self._carry_out(0.3, self._optimizer.step)
        self._left_at = time.thread_time_ns()

    def around_us(self) -> float:
        """Microseconds since the last call in which the model did nothing."""
        around_ns, self._around_ns = self._around_ns, 0
        return around_ns / 1e3

    def _forward_backward(self, images: Tensor, labels: Tensor) -> None:
        self._optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self._model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._worked = loss.detach(), nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)

    def _carry_out(self, share: float, work: Callable[[], object]) -> None:
        began = time.thread_time_ns()
        self._around_ns += began - self._left_at
        until = began + round(self._milliseconds * share * 1e6)
        longest = 0
        while (began := time.thread_time_ns()) + longest < until:
            work()
            longest = max(longest, time.thread_time_ns() - began)
        while time.thread_time_ns() < until:
            pass


def to_device(images: Tensor, labels: Tensor) -> Batch:
    """Nothing to do on a CPU."""
    return images, labels


def bare(batches: Iterable[Batch], work: Work) -> Iterator[None]:
    """The loop without a meter, yielding after each step."""
    for batch in batches:
        images, labels = to_device(*batch)
        _loss, _norm = work.forward_backward(images, labels)
        work.optimize()
        yield


def metered(batches: Iterable[Batch], work: Work, meter: taximeter.Meter) -> Iterator[None]:
    """The same loop with everything that `taximeter train` tells the meter."""
    for batch in meter.steps(batches):
        with meter.phase("transfer"):
            images, labels = to_device(*batch)
        loss, norm = work.forward_backward(images, labels)
        with meter.phase("optimizer"):
            work.optimize()
        meter.log(loss=loss, learning_rate=0.001, grad_norm=norm)
        if not meter.affords(0.1):
            raise SystemExit("the budget should do")
        yield


def median_around(steps: Iterator[None], work: Work) -> float:
    """Microseconds around a step's work; the first step, which begins the loop, is left out."""
    around = [work.around_us() for _ in steps]
    return statistics.median(around[1:])


def around_steps(milliseconds: float, meter: taximeter.Meter) -> tuple[float, float, float]:
    """Median microseconds around the work of a bare and of a metered step, and what the meter adds."""
    repetitions, steps, _ = STEPS[milliseconds]
    work = Work(milliseconds)
    batches = [(torch.rand(8, 3, 16, 16), torch.randint(10, (8,))) for _ in range(steps)]
    without: list[float] = []
    with_meter: list[float] = []
    for _ in range(repetitions):
        without.append(median_around(bare(batches, work), work))
        with_meter.append(median_around(metered(batches, work, meter), work))
    added = statistics.median(more - less for more, less in zip(with_meter, without, strict=True))
    return statistics.median(without), statistics.median(with_meter), added


@contextmanager
def scraped(meter: taximeter.Meter) -> Iterator[None]:
    """Somebody scrapes the meter, from a process of their own."""
    command = [sys.executable, "-c", SCRAPER, str(meter.metrics_url), str(SCRAPE_SECONDS)]
    with subprocess.Popen(command) as scraper:
        yield
        scraper.kill()


class Background:
    """Processor time of all threads but the one that asks, and the lease's of these, since this was made."""

    def __init__(self) -> None:
        self._lease = next(thread for thread in threading.enumerate() if thread.name == "taximeter-lease")
        self._began = time.monotonic_ns(), *self._now()

    def percent(self) -> tuple[float, float]:
        """Of the time that has passed: all of it, and the part of the lease."""
        now = time.monotonic_ns(), *self._now()
        passed, took, lease_took = (after - before for after, before in zip(now, self._began, strict=True))
        return 100 * took / passed, 100 * lease_took / passed

    def _now(self) -> tuple[int, int]:
        assert self._lease.ident is not None
        lease = time.clock_gettime_ns(time.pthread_getcpuclockid(self._lease.ident))
        return time.process_time_ns() - time.thread_time_ns(), lease


def measure() -> dict[str, Any]:
    """Run both loops in turn. All times in microseconds."""
    torch.set_num_threads(1)
    shown = []
    with (
        tempfile.TemporaryDirectory() as folder,
        exporter(write_config(Path(folder)), "--simulate") as running,
        taximeter.Meter(
            "bench", exporter=f"http://127.0.0.1:{running.port}", budget=1_000_000, listen="127.0.0.1:0"
        ) as meter,
        scraped(meter),
    ):
        meter.wait_registered(10)
        meter.plan(epochs=1000)
        meter.log_flops(per_sample=1e6)
        background = Background()
        around = {milliseconds: around_steps(milliseconds, meter) for milliseconds in STEPS}
        threads, lease = background.percent()
        meter.end()
        meter.close(last_scrape_seconds=0)
    for milliseconds, (without, with_meter, added) in around.items():
        repetitions, count, limit = STEPS[milliseconds]
        percent = added / (milliseconds * 10) + threads
        shown.append(
            {
                "step_us": milliseconds * 1e3,
                "around_bare_us": without,
                "around_metered_us": with_meter,
                "added_us": added,
                "overhead_percent": percent,
                "limit_percent": limit,
                "repetitions": repetitions,
                "steps_per_repetition": count,
                "holds": percent < limit,
            }
        )
    return {"threads_percent": threads, "renewals_percent": lease, "scrapes_percent": threads - lease, "steps": shown}


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [
        ("renewals", f"{figures['renewals_percent']:.4f}% of a processor"),
        ("scrapes", f"{figures['scrapes_percent']:.4f}% of a processor, every {SCRAPE_SECONDS:g} s"),
    ]
    for step in figures["steps"]:
        percent = f"{step['overhead_percent']:.3f}%"
        rows += [
            ("", ""),
            ("a step's work", f"{step['step_us']:,.1f} µs"),
            ("around it, bare", f"{step['around_bare_us']:,.1f} µs"),
            ("metered", f"{step['around_metered_us']:,.1f} µs"),
            (
                "the meter adds",
                f"{step['added_us']:,.1f} µs, with the threads {percent} of a step",
            ),
            ("limit", f"{step['limit_percent']:g}%"),
            ("measured over", f"{step['repetitions']} × {step['steps_per_repetition']} steps of each kind in turn"),
        ]
    return lines(rows)


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: all(step["holds"] for step in figures["steps"])))
