"""How fast `/metrics` answers with 8 GPUs × 8 processes, and that a scrape never calls NVML.

Run with `tests` on PYTHONPATH: `python -m bench.scrape [--format json]`. Exit status 1 if it does not hold.

The exporter runs in a process of its own on the fake NVML library, samples once a second as by default, and has a run
and a budget. Scrapes are as Prometheus makes them: one connection kept open, gzip accepted, text format. They go on
for several seconds, so that the figures hold both scrapes that find the last moment rendered and those that render.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.show import lines, show
from fakes.nvml.build import build, environment
from fakes.nvml.scenario import gpus
from support.programs import CONFIG, RunningExporter, exporter, write_config

LIMIT_MS = 5.0
SCRAPES = 2000
PAUSE_SECONDS = 0.004
HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}


def measure(folder: Path) -> dict[str, float | int | bool]:
    """Start the exporter, scrape it, and count. Times in milliseconds."""
    scenario, calls = folder / "scenario", folder / "calls"
    gpus(count=8, processes=8).write(scenario, call_log=calls)
    config = write_config(folder, CONFIG.replace("100ms", "1s"))
    with exporter(config, environ=environment(build(folder), scenario)) as running:
        running.call("POST", "/api/v1/runs", {"run": "bench", "project": "demo"})
        called_before, idle_seconds = _calls(calls), 5.0
        time.sleep(idle_seconds)
        idle_rate = (_calls(calls) - called_before) / idle_seconds
        called_before, began, cpu = _calls(calls), time.monotonic(), _cpu_seconds(running)
        times, sizes = _scrape(running.port)
        took = time.monotonic() - began
        cpu = _cpu_seconds(running) - cpu
        scraped_rate = (_calls(calls) - called_before) / took
    times.sort()
    p99 = times[int(len(times) * 0.99)]
    calls_hold = scraped_rate <= idle_rate * 1.2 + 1
    return {
        "scrapes": len(times),
        "p50_ms": statistics.median(times),
        "p99_ms": p99,
        "max_ms": times[-1],
        "limit_p99_ms": LIMIT_MS,
        "body_bytes_gzip": max(sizes),
        "cpu_ms_a_scrape": cpu * 1e3 / len(times),
        "nvml_calls_a_second_idle": idle_rate,
        "nvml_calls_a_second_scraped": scraped_rate,
        "holds": p99 < LIMIT_MS and calls_hold,
    }


def _scrape(port: int) -> tuple[list[float], list[int]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    times, sizes = [], []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers=HEADERS)
        sizes.append(len(connection.getresponse().read()))
        times.append((time.perf_counter() - began) * 1e3)
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return times, sizes


def _calls(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def _cpu_seconds(running: RunningExporter) -> float:
    fields = Path(f"/proc/{running.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    return lines(
        [
            ("scrapes", f"{figures['scrapes']}, 8 GPUs × 8 processes, {figures['body_bytes_gzip']:,} bytes in gzip"),
            ("p50, p99, max", f"{figures['p50_ms']:.2f}, {figures['p99_ms']:.2f}, {figures['max_ms']:.2f} ms"),
            ("limit of p99", f"{figures['limit_p99_ms']:g} ms"),
            ("processor", f"{figures['cpu_ms_a_scrape']:.2f} ms a scrape, sampling included"),
            (
                "NVML calls",
                f"{figures['nvml_calls_a_second_idle']:.0f} a second idle,"
                f" {figures['nvml_calls_a_second_scraped']:.0f} scraped",
            ),
        ]
    )


def _in_a_folder() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return dict(measure(Path(folder)))


if __name__ == "__main__":
    raise SystemExit(show(__doc__, _in_a_folder, in_words, lambda figures: bool(figures["holds"])))
