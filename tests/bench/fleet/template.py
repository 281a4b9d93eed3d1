"""What one host exposes: a real exporter with simulated GPUs, and the meters of its training runs, looked at twice."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families
from support.programs import exporter, wait_for, write_config
from taximeter import Meter

GPUS = 8
RUNS = ("train-a", "train-b")
"""Each has half of the GPUs, and goes on; a third has just ended."""
ENDED = "train-c"
PROJECTS = ("project-1", "project-2", "project-3")
SECONDS = 2.5
"""Between the two looks: what has changed by then tells how fast it changes."""
STEP_SECONDS = 0.02

_OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Series:
    """One series of the template.

    Attributes:
        labels: those that Prometheus adds when it scrapes, job and instance, are not among them.
        counter: whether it only rises (parts of histograms do, too).
        values: at the first look, and at the second; equal where it was not there the first time.
    """

    job: str
    name: str
    labels: dict[str, str]
    counter: bool
    values: tuple[float, float]


def template(budgets: int) -> list[Series]:
    """All series of a host with so many budgets. Takes about ten seconds."""
    with tempfile.TemporaryDirectory() as folder, _host(Path(folder), budgets) as (pages, meters):
        first = {job: _read(url) for job, url in pages}
        _steps(meters, int(SECONDS / STEP_SECONDS), STEP_SECONDS)
        second = {job: _read(url) for job, url in pages}
    return [
        Series(job.rpartition("/")[0], name, dict(labels), counter, (first[job].get(key, (value, counter))[0], value))
        for job, page in second.items()
        for key, (value, counter) in page.items()
        for name, labels in [key]
    ]


_Key = tuple[str, tuple[tuple[str, str], ...]]


def _read(url: str) -> dict[_Key, tuple[float, bool]]:
    with _OPENER.open(url, timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): (sample.value, family.type in {"counter", "histogram"})
        for family in families
        for sample in family.samples
    }


@contextmanager
def _host(folder: Path, budgets: int) -> Iterator[tuple[list[tuple[str, str]], list[Meter]]]:
    """The addresses of its metrics by job, the part after the stroke telling those of one job apart; and its meters."""
    with ExitStack() as stack:
        running = stack.enter_context(exporter(write_config(folder, _config(budgets)), "--simulate"))
        url = f"http://127.0.0.1:{running.port}"
        devices = [device["uuid"] for device in running.call("GET", "/api/v1/status").json()["devices"]]
        half = len(devices) // 2
        gone = {"run": ENDED, "project": PROJECTS[2], "user": "ada", "devices": devices[:1]}
        lease = running.call("POST", "/api/v1/runs", gone).json()["lease"]
        running.call("POST", f"/api/v1/runs/{ENDED}/end", {"lease": lease, "result": "finished"})
        pages = [("taximeter-exporter/", f"{url}/metrics")]
        meters: list[Meter] = []
        for run, project, own in zip(RUNS, PROJECTS, (devices[:half], devices[half:]), strict=False):
            meter = Meter(
                project,
                run=run,
                team="research",
                user="grace",
                model="resnet18",
                dataset="made-up",
                devices=own,
                exporter=url,
                listen="127.0.0.1:0",
                budget=100_000,
                currency="USD",
            )
            stack.callback(meter.close, last_scrape_seconds=0)
            meter.wait_registered(10)
            assert meter.metrics_url is not None
            pages.append((f"taximeter-trainer/{run}", meter.metrics_url))
            meters.append(meter)
        for meter in meters:
            _say_all(meter)
        _steps(meters, 50, 0.0)
        wait_for(
            lambda: all(running.value("taximeter_run_cost_total", run=run) > 0 for run in RUNS),
            "the exporter has booked nothing for the runs",
        )
        yield pages, meters


def _say_all(meter: Meter) -> None:
    """What a training loop can tell beside its steps."""
    meter.plan(epochs=1000, target_accuracy=0.93)
    meter.log_flops(per_sample=1e9, peak_per_second=1e15)
    meter.log_memory(8 * 2**30)
    meter.log(loss=0.4, accuracy=0.9, learning_rate=0.1, grad_norm=1.5, epoch=1)
    for phase in ("startup", "compile", "evaluation", "checkpoint"):
        with meter.phase(phase):
            pass
    meter.log(split="validation", loss=0.5, accuracy=0.88)
    meter.log_scores(top5_accuracy=0.99, precision=0.88, recall=0.88, f1=0.88)


def _steps(meters: Sequence[Meter], count: int, seconds: float) -> None:
    """Steps of nothing but time, of all of them by turns."""
    batches = [[0.0] * 32] * count
    for _ in zip(*(meter.steps(batches) for meter in meters), strict=True):
        time.sleep(seconds)


def _config(budgets: int) -> str:
    """Budgets of as many projects, the last two of each run by itself."""
    lines = [
        "listen: 127.0.0.1:0",
        "sample_interval: 1s",
        "host: {provider: made-up, region: lab, instance_type: box-8}",
        "prices:",
        f"  - {{provider: made-up, region: lab, instance_type: box-8, gpus: {GPUS}, per_hour: 24, currency: USD,"
        " as_of: 2026-01-01}",
        "price_max_age: 3650d",
        "storage: [{name: datasets, gb: 500, per_gb_month: 0.08, currency: USD}]",
        "budgets:",
    ]
    for number in range(1, budgets + 1):
        period, scope = "month", f"project: project-{number}"
        if number > budgets - len(RUNS):
            period, scope = "run", f"run: {RUNS[budgets - number]}"
        name = f"name: budget-{number}, period: {period}"
        lines.append(f"  - {{{name}, limit: 10000, currency: USD, scope: {{{scope}}}}}")
    return "\n".join(lines) + "\n"
