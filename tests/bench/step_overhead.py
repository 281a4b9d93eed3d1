"""What the meter adds to a training step, everything on: metered loops beside a bare one of the same model and data.

Run with `tests` on PYTHONPATH: `python -m bench.step_overhead [--format json]`. Exit status 1 if a limit is passed.

The loops take turns within one process, on one thread. A step carries out a small model's forward, backward and
optimizer, again and again for so long, whatever the machine does; what differs is what happens around the model's
work, with the processor's caches as that work left them, and that alone is timed: the processor time of the loop's
thread from the end of one piece of work to the beginning of the next. There are two metered loops. The limits are for
that of `taximeter train`, which does for the meter and the budget what `training/engine/loop.py` does, with the same
objects: the phases transfer, forward and backward, and optimizer; loss, gradient norm, learning rate and bytes; the
budget. The other is what anybody adds to a loop: steps, and a loss. Compared are the medians of each pair of
repetitions, since what else runs on the machine disturbs single steps far more than a meter does; what the meter adds
is the median of the differences.

What the steps put off, and the loop does once a second, would vanish in a median: it is measured apart, and added.
So are the threads: meanwhile the exporter, with simulated devices, is told of the run as often as it asks for, the
journal is written, and a scraper comes as often as Prometheus does; their processor time is that over all the time that
the loops take.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import sub
from pathlib import Path
from typing import Any

import taximeter
import torch
from bench.show import lines, show
from support.programs import exporter, write_config
from taximeter.training.callbacks.base import Hooks
from taximeter.training.callbacks.budget import Budget
from taximeter.training.callbacks.metering import Metering
from taximeter.training.engine.state import TrainState
from torch import Tensor, nn
from trainer.engine.tiny import Tiny

STEPS = {5.0: (11, 100, 0.5), 50.0: (7, 20, 0.1)}
"""For a step of so many milliseconds: repetitions, steps in each, and the limit in per cent."""
BATCH_SIZE = 8
PUT_OFF_SECONDS = 5.0
"""For so long a loop goes on whose work of once a second is measured."""
KINDS = {"trained": "taximeter train", "by_hand": "steps and a loss"}
"""The metered loops, and what they are called. The limits are for the first."""
THREADS = {"renewals": "taximeter-lease", "journal": "taximeter-journal"}
"""What the meter's threads do all the time. All others answer scrapes."""
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


class Training:
    """What `taximeter train` has for the meter and the budget."""

    def __init__(self, meter: taximeter.Meter) -> None:
        assert meter.budget is not None
        self.state = TrainState(epochs=1000, steps_per_epoch=10**6)
        metering = Metering(meter, Tiny(meter).parts, image=(1, 8, 8))
        self.hooks = Hooks([metering, Budget(meter, meter.budget, evaluation_steps=10, checkpointing=None)])
        self.hooks.call("train_begin", self.state)


def as_trained(batches: Iterable[Batch], work: Work, meter: taximeter.Meter, training: Training) -> Iterator[None]:
    """The same loop with everything that `taximeter train` does for the meter and the budget, as it does it."""
    state, hooks = training.state, training.hooks
    hooks.call("epoch_begin", state)
    (mark, now), pace = meter.marking(), state.pace
    for batch in meter.steps(batches, samples=BATCH_SIZE, first="transfer"):
        images, labels = to_device(*batch)
        mark((now(), "forward_backward"))
        state.loss, state.gradient_norm = work.forward_backward(images, labels)
        mark((now(), "optimizer"))
        work.optimize()
        ended = now()
        mark((ended, "forward_backward"))
        pace.ends.append(ended)
        if ended >= pace.look_at:
            hooks.call("step_look", state)
        yield
    if state.stop is not None:
        raise SystemExit("the budget should do")


def by_hand(batches: Iterable[Batch], work: Work, meter: taximeter.Meter) -> Iterator[None]:
    """The same loop as anybody meters one."""
    for batch in meter.steps(batches):
        images, labels = to_device(*batch)
        loss, _norm = work.forward_backward(images, labels)
        work.optimize()
        meter.log(loss=loss)
        yield


def median_around(steps: Iterator[None], work: Work) -> float:
    """Microseconds around a step's work; the first step, which begins the loop, is left out."""
    around = [work.around_us() for _ in steps]
    return statistics.median(around[1:])


def put_off_percent(loop: Callable[[Iterable[Batch]], Iterator[None]], meter: taximeter.Meter, batches: int) -> float:
    """What the meter puts off in the steps and does once a second: per cent of the loop's time, as thread time."""
    tend, took_ns = meter._tend, 0

    def timed() -> None:
        nonlocal took_ns
        began = time.thread_time_ns()
        tend()
        took_ns += time.thread_time_ns() - began

    meter._tend = timed  # type: ignore[method-assign]
    steps = loop(some_batches(batches))
    next(steps)
    began, took_ns = time.monotonic_ns(), 0  # what comes after the first step is not of a second's steps
    for _ in steps:
        pass
    passed = time.monotonic_ns() - began
    meter._tend = tend  # type: ignore[method-assign]
    return 100 * took_ns / passed


def some_batches(count: int) -> list[Batch]:
    return [(torch.rand(BATCH_SIZE, 3, 16, 16), torch.randint(10, (BATCH_SIZE,))) for _ in range(count)]


def around_steps(milliseconds: float, meter: taximeter.Meter) -> dict[str, dict[str, float]]:
    """By the kind of loop: median microseconds around a step's work, what the meter adds, and what it puts off."""
    repetitions, steps, _ = STEPS[milliseconds]
    work, training = Work(milliseconds), Training(meter)
    loops: dict[str, Callable[[Iterable[Batch]], Iterator[None]]] = {
        "bare": lambda batches: bare(batches, work),
        "trained": lambda batches: as_trained(batches, work, meter, training),
        "by_hand": lambda batches: by_hand(batches, work, meter),
    }
    batches = some_batches(steps)
    around: dict[str, list[float]] = {kind: [] for kind in loops}
    for _ in range(repetitions):
        for kind, loop in loops.items():
            around[kind].append(median_around(loop(batches), work))
    long = round(PUT_OFF_SECONDS * 1e3 / milliseconds)
    return {
        kind: {
            "around_us": statistics.median(around[kind]),
            "added_us": statistics.median(map(sub, around[kind], around["bare"])),
            "put_off_percent": put_off_percent(loop, meter, long),
        }
        for kind, loop in loops.items()
    }


@contextmanager
def scraped(meter: taximeter.Meter) -> Iterator[None]:
    """Somebody scrapes the meter, from a process of their own."""
    command = [sys.executable, "-c", SCRAPER, str(meter.metrics_url), str(SCRAPE_SECONDS)]
    with subprocess.Popen(command) as scraper:
        yield
        scraper.kill()


class Background:
    """Processor time of all threads but the one that asks, since this was made."""

    def __init__(self) -> None:
        named = {thread.name: thread.ident for thread in threading.enumerate()}
        self._clocks = {what: time.pthread_getcpuclockid(named[name] or 0) for what, name in THREADS.items()}
        self._began, self._took_before = time.monotonic_ns(), self._took()

    def percent(self) -> dict[str, float]:
        """Of the time that has passed, by what it went into."""
        passed, took = time.monotonic_ns() - self._began, self._took()
        return {what: 100 * (ns - self._took_before[what]) / passed for what, ns in took.items()}

    def _took(self) -> dict[str, int]:
        known = {what: time.clock_gettime_ns(clock) for what, clock in self._clocks.items()}
        return known | {"scrapes": time.process_time_ns() - time.thread_time_ns() - sum(known.values())}


def measure() -> dict[str, Any]:
    """Run both loops in turn. All times in microseconds."""
    torch.set_num_threads(1)
    shown = []
    with (
        tempfile.TemporaryDirectory() as folder,
        exporter(write_config(Path(folder)), "--simulate") as running,
        taximeter.Meter(
            "bench",
            exporter=f"http://127.0.0.1:{running.port}",
            budget=1_000_000,
            listen="127.0.0.1:0",
            journal=Path(folder) / "journal.jsonl",
        ) as meter,
        scraped(meter),
    ):
        meter.wait_registered(10)
        meter.plan(epochs=1000)
        meter.log_flops(per_sample=1e6)
        # A collection of garbage goes through all that PyTorch has, in whichever thread it begins.
        gc.collect()
        gc.freeze()
        background = Background()
        around = {milliseconds: around_steps(milliseconds, meter) for milliseconds in STEPS}
        threads = background.percent()
        meter.end()
        meter.close(last_scrape_seconds=0)
    for milliseconds, loops in around.items():
        repetitions, count, limit = STEPS[milliseconds]
        for loop in loops.values():
            loop["overhead_percent"] = (
                loop["added_us"] / (milliseconds * 10) + loop["put_off_percent"] + sum(threads.values())
            )
        shown.append(
            {
                "step_us": milliseconds * 1e3,
                "limit_percent": limit,
                "repetitions": repetitions,
                "steps_per_repetition": count,
                "bare_us": loops.pop("bare")["around_us"],
                **loops,
                "holds": loops["trained"]["overhead_percent"] < limit,
            }
        )
    return {"threads_percent": threads, "steps": shown}


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [(what, f"{percent:.4f}% of a processor") for what, percent in figures["threads_percent"].items()]
    for step in figures["steps"]:
        rows += [
            ("", ""),
            ("a step's work", f"{step['step_us']:,.1f} µs"),
            ("around it, bare", f"{step['bare_us']:,.1f} µs"),
        ]
        for kind, name in KINDS.items():
            loop = step[kind]
            rows += [
                (name, f"{loop['around_us']:,.1f} µs"),
                ("  the meter adds", f"{loop['added_us']:,.1f} µs"),
                ("  once a second", f"{loop['put_off_percent']:.3f}% of the time"),
                ("  with the threads", f"{loop['overhead_percent']:.3f}% of a step in all"),
            ]
        rows += [
            ("limit", f"{step['limit_percent']:g}%, for {KINDS['trained']}"),
            ("measured over", f"{step['repetitions']} × {step['steps_per_repetition']} steps of each kind in turn"),
        ]
    return lines(rows)


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: all(step["holds"] for step in figures["steps"])))
