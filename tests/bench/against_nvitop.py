"""Taximeter's exporter beside nvitop-exporter: scrapes, idling, memory, and how they grow with processes.

Run with `tests` on PYTHONPATH: `python -m bench.against_nvitop [--format json]`. Exit status 1 if a goal does not hold.

Both run at the same time as programs of their own, on the same fake NVML library, sample once a second as by default,
and see 8 GPUs with 8 processes each, then with 64. The processes are real ones that sleep, as nvitop-exporter reads
them from /proc. Those of a GPU are a run to Taximeter's exporter, which has a price and a budget besides.

What is measured of one is measured of the other within the same second, by turns, so that what else the machine does
falls on both. Scrapes ask as Prometheus does, over a connection that is kept open where the server keeps it. Those of
the first round come fast one after the other, so that most find what Taximeter's exporter has rendered already; those
of the second come later than the next sample, as Prometheus' own do, and each has to be rendered. Processor time is the
kernel's count for the whole process; that of a scrape is what goes beyond idling.
"""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.nvitop import nvitop_exporter
from bench.show import show
from bench.watched import Watched
from bench.workers import on_gpus, workers
from fakes.nvml.build import build, environment
from prometheus_client.parser import text_string_to_metric_families
from support.programs import CONFIG, exporter, wait_for, write_config

GPUS = 8
PROCESSES = (8, 64)
FACTOR = 5.0
"""So many times lower is the goal for p99 and processor time."""
BODY_GROWTH, CPU_GROWTH = 1.05, 1.25
"""By such factors, at most, may a scrape of Taximeter's exporter grow as processes do; processor time is less exact."""
FAST_SCRAPES, FAST_PAUSE_SECONDS = 400, 0.0
FRESH_SCRAPES, FRESH_PAUSE_SECONDS = 20, 0.55
SETTLE_SECONDS = 0.02
"""What an exporter still does right after its answer belongs to the scrape."""
IDLE_SECONDS = 20.0
WARM_UP_SCRAPES = 20
PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Accept-Encoding": "gzip",
}
"""The headers of Prometheus 3."""


@dataclass
class Subject:
    """An exporter that is measured."""

    watched: Watched
    connection: HTTPConnection

    def scrape(self, headers: dict[str, str] = PROMETHEUS) -> bytes:
        """The body of the answer."""
        self.connection.request("GET", "/metrics", headers=headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"a scrape was answered with {response.status}")
        return body


@dataclass
class Spent:
    """What scrapes of one exporter took: each one's time, and processor time and wall time of all together."""

    times_ms: list[float]
    cpu_ms: float = 0
    seconds: float = 0

    def cpu_ms_a_scrape(self, idle_ms_a_second: float) -> float:
        """Beyond what idling takes."""
        return max(0.0, self.cpu_ms - idle_ms_a_second * self.seconds) / len(self.times_ms)


def side_by_side(
    processes: int,
    *,
    fast: int = FAST_SCRAPES,
    fresh: int = FRESH_SCRAPES,
    idle_seconds: float = IDLE_SECONDS,
) -> dict[str, dict[str, float]]:
    """The figures of both exporters with so many processes on each GPU, by the exporter's name."""
    with tempfile.TemporaryDirectory() as folder, _both(Path(folder), processes) as subjects:
        for _ in range(WARM_UP_SCRAPES):
            for subject in subjects.values():
                subject.scrape()
        idle = _idle(list(subjects.values()), idle_seconds)
        fast_spent = _by_turns(list(subjects.values()), fast, FAST_PAUSE_SECONDS)
        fresh_spent = _by_turns(list(subjects.values()), fresh, FRESH_PAUSE_SECONDS)
        return {
            name: _figures(subject, idle[place], fast_spent[place], fresh_spent[place])
            for place, (name, subject) in enumerate(subjects.items())
        }


def _figures(subject: Subject, idle: float, fast: Spent, fresh: Spent) -> dict[str, float]:
    text = subject.scrape({"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"})
    # The one shows what it cannot read as NaN, and the other not at all: what counts is numbers.
    families = [
        [sample for sample in family.samples if sample.value == sample.value]
        for family in text_string_to_metric_families(text.decode())
    ]
    series = [sample for samples in families for sample in samples]
    memory = subject.watched.memory()
    times = sorted(fast.times_ms)
    return {
        "p50_ms": statistics.median(times),
        "p99_ms": times[int(len(times) * 0.99)],
        "fresh_p50_ms": statistics.median(fresh.times_ms),
        "cpu_ms_a_scrape": fast.cpu_ms_a_scrape(idle),
        "fresh_cpu_ms_a_scrape": fresh.cpu_ms_a_scrape(idle),
        "idle_cpu_ms_a_minute": idle * 60,
        "body_bytes": len(text),
        "body_bytes_gzip": len(subject.scrape()),
        "metrics": sum(bool(samples) for samples in families),
        "series": len(series),
        "series_without_pid": sum("pid" not in sample.labels for sample in series),
        "resident_bytes": memory.resident,
        "proportional_bytes": memory.proportional,
        "unique_bytes": memory.unique,
        "threads": subject.watched.threads(),
    }


@contextmanager
def _both(folder: Path, processes: int) -> Iterator[dict[str, Subject]]:
    scenario = folder / "scenario"
    config = write_config(folder, CONFIG.replace("100ms", "1s"))
    environ = environment(build(folder), scenario)
    with workers(gpus=GPUS, processes=processes) as pids:
        on_gpus(pids).write(scenario)
        with exporter(config, environ=environ) as ours, nvitop_exporter(environ) as (pid, port):
            subjects = {
                "taximeter": Subject(Watched(ours.process.pid), HTTPConnection("127.0.0.1", ours.port, timeout=10)),
                "nvitop": Subject(Watched(pid), HTTPConnection("127.0.0.1", port, timeout=10)),
            }
            runs = [f'taximeter_run_active{{run="run-{gpu}"}} 1'.encode() for gpu in range(GPUS)]
            wait_for(
                lambda: all(run in gzip.decompress(subjects["taximeter"].scrape()) for run in runs),
                "the runs are not seen",
            )
            yield subjects
            for subject in subjects.values():
                subject.connection.close()


def _idle(subjects: Sequence[Subject], seconds: float) -> list[float]:
    """Milliseconds of processor time a second of each, without scrapes."""
    before = [subject.watched.cpu_ms() for subject in subjects]
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return [(subject.watched.cpu_ms() - at) / took for subject, at in zip(subjects, before, strict=True)]


def _by_turns(subjects: Sequence[Subject], scrapes: int, pause_seconds: float) -> list[Spent]:
    """So many scrapes of each, one of the one after one of the other, with a pause after each, which does not count."""
    spent = [Spent([]) for _ in subjects]
    for _ in range(scrapes):
        for subject, of_it in zip(subjects, spent, strict=True):
            cpu_ms, began = subject.watched.cpu_ms(), time.perf_counter()
            subject.scrape()
            of_it.times_ms.append((time.perf_counter() - began) * 1e3)
            time.sleep(SETTLE_SECONDS)
            of_it.cpu_ms += subject.watched.cpu_ms() - cpu_ms
            of_it.seconds += time.perf_counter() - began
            time.sleep(pause_seconds)
    return spent


def measure() -> dict[str, Any]:
    """With few processes and with many."""
    cases = {str(processes): side_by_side(processes) for processes in PROCESSES}
    few, many = (cases[str(processes)] for processes in PROCESSES)
    goals = _goals(few, many["taximeter"])
    return {"gpus": GPUS, "cases": cases, "goals": goals, "holds": all(goals.values())}


def _goals(few: dict[str, dict[str, float]], many: dict[str, float]) -> dict[str, bool]:
    ours, theirs = few["taximeter"], few["nvitop"]
    return {
        "p99 at most a fifth": ours["p99_ms"] * FACTOR <= theirs["p99_ms"],
        "processor a scrape at most a fifth": ours["fresh_cpu_ms_a_scrape"] * FACTOR <= theirs["fresh_cpu_ms_a_scrape"],
        "processor idle at most a fifth": ours["idle_cpu_ms_a_minute"] * FACTOR <= theirs["idle_cpu_ms_a_minute"],
        "no more memory": ours["resident_bytes"] <= theirs["resident_bytes"],
        "more metrics": ours["metrics"] > theirs["metrics"],
        "more series, those of single processes aside": ours["series_without_pid"] > theirs["series_without_pid"],
        "no larger a body with 8 times the processes": many["body_bytes"] <= ours["body_bytes"] * BODY_GROWTH,
        "about the same processor a scrape with 8 times the processes": many["fresh_cpu_ms_a_scrape"]
        <= ours["fresh_cpu_ms_a_scrape"] * CPU_GROWTH,
    }


_ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("scrape p50", "p50_ms", lambda value: f"{value:.2f} ms"),
    ("scrape p99", "p99_ms", lambda value: f"{value:.2f} ms"),
    ("scrape p50, rendered anew", "fresh_p50_ms", lambda value: f"{value:.2f} ms"),
    ("processor a scrape", "cpu_ms_a_scrape", lambda value: f"{value:.2f} ms"),
    ("processor a scrape, rendered anew", "fresh_cpu_ms_a_scrape", lambda value: f"{value:.2f} ms"),
    ("processor an idle minute", "idle_cpu_ms_a_minute", lambda value: f"{value:.0f} ms"),
    ("body", "body_bytes", lambda value: f"{value / 1e3:.1f} kB"),
    ("body in gzip", "body_bytes_gzip", lambda value: f"{value / 1e3:.1f} kB"),
    ("metrics with a number", "metrics", lambda value: f"{value:.0f}"),
    ("series with a number", "series", lambda value: f"{value:.0f}"),
    ("of them not of a single process", "series_without_pid", lambda value: f"{value:.0f}"),
    ("memory, resident", "resident_bytes", lambda value: f"{value / 2**20:.1f} MiB"),
    ("memory, proportional", "proportional_bytes", lambda value: f"{value / 2**20:.1f} MiB"),
    ("memory, its own alone", "unique_bytes", lambda value: f"{value / 2**20:.1f} MiB"),
    ("threads", "threads", lambda value: f"{value:.0f}"),
)


def in_words(figures: dict[str, Any]) -> str:
    """A table for each number of processes, and the goals."""
    text = ""
    for processes, case in figures["cases"].items():
        ours, theirs = case["taximeter"], case["nvitop"]
        heading = f"{figures['gpus']} GPUs × {processes} processes"
        text += f"{heading:<36}{'taximeter':>12}{'nvitop':>12}{'ratio':>9}\n"
        for label, key, shown in _ROWS:
            ratio = f"{theirs[key] / ours[key]:.1f}" if ours[key] else "-"
            text += f"{label:<36}{shown(ours[key]):>12}{shown(theirs[key]):>12}{ratio:>9}\n"
        text += "\n"
    text += f"Idle: {IDLE_SECONDS:g} s, reckoned up to a minute. Ratio: nvitop-exporter's by Taximeter's.\n"
    return text + "".join(f"{'holds' if holds else 'FAILS':<7}{goal}\n" for goal, holds in figures["goals"].items())


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
