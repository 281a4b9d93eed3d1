"""What the meter adds to a training step, everything on: a metered loop beside a bare one of the same model and data.

Run with `tests` on PYTHONPATH: `python -m bench.step_overhead [--format json]`. Exit status 1 if a limit is passed.

The two loops alternate within one process, on one thread. A step carries out a small model's forward, backward and
optimizer, again and again until its time is nearly over, and waits for the rest, so that it is the same in both loops
whatever the machine does; what differs is what happens around the model's work, with the processor's caches as that
work left them. Everything is on: phases, loss and gradient norm as tensors, learning rate, epoch, and a look at the
budget after each step. Compared are the median steps of each pair of repetitions, since what else runs on the machine
disturbs single steps far more than a meter does; the figure is the median of the differences. A scrape and a renewal
of the lease, which threads of their own carry out, would vanish in a median: their processor time is measured apart
and shared out over the steps between two of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import taximeter
import torch
from bench.show import lines, show
from torch import nn

STEPS = {5.0: (11, 100, 0.5), 50.0: (7, 20, 0.1)}
"""For a step of so many milliseconds: repetitions, steps in each, and the limit in per cent."""
SCRAPES = 20
SCRAPE_SECONDS = 5.0  # as in prometheus/prometheus.yml
RENEW_SECONDS = 2.0  # as the exporter asks for
RENEWALS = 30

SCRAPER = """
import sys, urllib.request
for url in sys.stdin:
    with urllib.request.urlopen(url.strip()) as answer:
        print(len(answer.read()), flush=True)
"""
EXPORTER = """
import sys
from fakes.exporter import FakeExporter
fake = FakeExporter()
fake.renew_seconds = 0.05
print(fake.start().url, flush=True)
sys.stdin.read()
fake.stop()
"""

Batch = tuple[torch.Tensor, torch.Tensor]


class Work:
    """A model's work, as much of it as there is time for."""

    def __init__(self, milliseconds: float) -> None:
        torch.manual_seed(0)
        self._milliseconds = milliseconds
        self._model = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 10)
        )
        self._optimizer = torch.optim.AdamW(self._model.parameters())
        self.norm = torch.zeros(())
        self.loss = torch.zeros(())

    def forward_backward(self, batch: Batch) -> None:
        """Takes seven tenths of a step."""
        until = time.thread_time_ns() + round(self._milliseconds * 0.7e6)
        self._until(until, lambda: self._forward_backward(batch))

    def optimize(self) -> None:
        """Takes three tenths of a step, more than it needs."""
        until = time.thread_time_ns() + round(self._milliseconds * 0.3e6)
        self._until(until, self._optimizer.step)

    def _forward_backward(self, batch: Batch) -> None:
        images, labels = batch
        self._optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self._model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.loss = loss.detach()
        self.norm = nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)

    @staticmethod
    def _until(until: int, work: Callable[[], object]) -> None:
        longest = 0
        while (began := time.thread_time_ns()) + 2 * longest < until:
            work()
            longest = max(longest, time.thread_time_ns() - began)
        while time.thread_time_ns() < until:
            pass


def bare(batches: Iterable[Batch], work: Work) -> Iterator[None]:
    """The loop without a meter, yielding after each step."""
    for batch in batches:
        work.forward_backward(batch)
        work.optimize()
        yield


def metered(batches: Iterable[Batch], work: Work, meter: taximeter.Meter) -> Iterator[None]:
    """The same loop with everything that a meter can be told."""
    for batch in meter.steps(batches):
        work.forward_backward(batch)
        with meter.phase("optimizer"):
            work.optimize()
        meter.log(loss=work.loss, learning_rate=0.001, grad_norm=work.norm, epoch=1)
        if not meter.affords(0.1):
            raise SystemExit("the budget should do")
        yield


def median_step(steps: Iterator[None]) -> float:
    """In microseconds."""
    durations = []
    began = time.thread_time_ns()
    for _ in steps:
        ended = time.thread_time_ns()
        durations.append((ended - began) / 1e3)
        began = ended
    return statistics.median(durations)


@contextmanager
def helper(program: str) -> Iterator[subprocess.Popen[str]]:
    """A program in a process of its own, so that its work is not measured."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        if process.stdin is not None:
            process.stdin.close()


def around_steps(milliseconds: float, meter: taximeter.Meter) -> tuple[float, float, float]:
    """Median microseconds of a bare and of a metered step, and what the meter adds."""
    repetitions, steps, _ = STEPS[milliseconds]
    work = Work(milliseconds)
    batches = [(torch.rand(8, 3, 16, 16), torch.randint(10, (8,)))] * steps
    without: list[float] = []
    with_meter: list[float] = []
    for _ in range(repetitions):
        without.append(median_step(bare(batches, work)))
        with_meter.append(median_step(metered(batches, work, meter)))
    added = statistics.median(more - less for more, less in zip(with_meter, without, strict=True))
    return statistics.median(without), statistics.median(with_meter), added


def scrape_us(meter: taximeter.Meter) -> float:
    """Processor time of a scrape."""
    with helper(SCRAPER) as scraper:
        if scraper.stdin is None or scraper.stdout is None or meter.metrics_url is None:
            raise SystemExit("no port for the metrics")
        began = 0
        for number in range(SCRAPES + 1):
            print(meter.metrics_url, file=scraper.stdin, flush=True)
            scraper.stdout.readline()
            began = began or (time.process_time_ns() if number == 0 else 0)
        return (time.process_time_ns() - began) / 1e3 / SCRAPES


def renewal_us() -> float:
    """Processor time of a renewal of the lease, and of the thread that waits for it."""
    with helper(EXPORTER) as exporter:
        if exporter.stdout is None:
            raise SystemExit("no exporter")
        url = exporter.stdout.readline().strip()
        with taximeter.Meter(project="bench", exporter=url, listen="127.0.0.1:0") as meter:
            meter.wait_registered(10)
            began = time.process_time_ns()
            time.sleep(0.05 * RENEWALS)
            took = time.process_time_ns() - began
            meter.end()
            meter.close(last_scrape_seconds=0)
    return took / 1e3 / RENEWALS


def measure() -> dict[str, Any]:
    """Run both loops in turn. All times in microseconds."""
    torch.set_num_threads(1)
    renewal = renewal_us()
    steps = {}
    with taximeter.Meter(project="bench", price=1, budget=100, listen="127.0.0.1:0") as meter:
        meter.plan(epochs=1000)
        meter.log_flops(per_sample=1e6)
        for milliseconds in STEPS:
            steps[milliseconds] = around_steps(milliseconds, meter)
        scrape = scrape_us(meter)
        meter.end()
        meter.close(last_scrape_seconds=0)
    background = scrape / (SCRAPE_SECONDS * 1e6) + renewal / (RENEW_SECONDS * 1e6)
    shown = []
    for milliseconds, (without, with_meter, added) in steps.items():
        repetitions, count, limit = STEPS[milliseconds]
        percent = 100 * (added / (milliseconds * 1e3) + background)
        shown.append(
            {
                "step_us": milliseconds * 1e3,
                "bare_us": without,
                "metered_us": with_meter,
                "added_us": added,
                "overhead_percent": percent,
                "limit_percent": limit,
                "repetitions": repetitions,
                "steps_per_repetition": count,
                "holds": percent < limit,
            }
        )
    return {"scrape_us": scrape, "renewal_us": renewal, "background_percent": 100 * background, "steps": shown}


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [
        ("a scrape", f"{figures['scrape_us']:,.1f} µs of processor time, every {SCRAPE_SECONDS:g} s"),
        ("a renewal", f"{figures['renewal_us']:,.1f} µs of processor time, every {RENEW_SECONDS:g} s"),
        ("both", f"{figures['background_percent']:.3f}% of a processor"),
    ]
    for step in figures["steps"]:
        rows += [
            ("", ""),
            ("a step's work", f"{step['step_us']:,.1f} µs"),
            ("bare step", f"{step['bare_us']:,.1f} µs"),
            ("metered step", f"{step['metered_us']:,.1f} µs"),
            ("the meter adds", f"{step['added_us']:,.1f} µs, with both {step['overhead_percent']:.3f}% of a step"),
            ("limit", f"{step['limit_percent']:g}%"),
            ("measured over", f"{step['repetitions']} × {step['steps_per_repetition']} steps of each kind in turn"),
        ]
    return lines(rows)


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: all(step["holds"] for step in figures["steps"])))
