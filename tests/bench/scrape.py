"""How fast `/metrics` answers with 8 GPUs × 8 processes, and that a scrape never calls NVML.

Run with `tests` on PYTHONPATH: `python -m bench.scrape [--format json]`. Exit status 1 if it does not hold.

The exporter runs in a process of its own on the fake NVML library, samples once a second as by default, and has a run
and a budget. Scrapes are as Prometheus makes them: one connection kept open, gzip accepted, text format. They go on
for fifteen seconds, so that the figures hold both scrapes that find the last moment rendered and those that render.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.show import lines, show
from bench.watched import Watched
from fakes.nvml.build import build, environment
from fakes.nvml.scenario import gpus
from support.programs import CONFIG, exporter, write_config
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.nvml.reader import STANDING_NS

LIMIT_MS = 5.0
SECONDS = STANDING_NS / NS_PER_SECOND
"""In so long everything is read at least once, also what is read seldom."""
PAUSE_SECONDS = 0.004
HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}


def measure(folder: Path) -> dict[str, float | int | bool]:
    """Start the exporter, scrape it, and count. Times in milliseconds."""
    scenario, calls = folder / "scenario", folder / "calls"
    gpus(count=8, processes=8).write(scenario, call_log=calls)
    config = write_config(folder, CONFIG.replace("100ms", "1s"))
    with exporter(config, environ=environment(build(folder), scenario)) as running:
        running.call("POST", "/api/v1/runs", {"run": "bench", "project": "demo"})
        called_before = _calls(calls)
        time.sleep(SECONDS)
        idle_rate = (_calls(calls) - called_before) / SECONDS
        watched = Watched(running.process.pid)
        called_before, began, cpu_ms = _calls(calls), time.monotonic(), watched.cpu_ms()
        times, sizes = _scrape(running.port)
        took = time.monotonic() - began
        cpu_ms = watched.cpu_ms() - cpu_ms
        scraped_rate = (_calls(calls) - called_before) / took
    times.sort()
    p99 = times[int(len(times) * 0.99)]
    # What is read seldom may fall into the one time and not the other; a call by every scrape would be many more.
    calls_hold = (scraped_rate - idle_rate) * took < len(times) / 2
    return {
        "scrapes": len(times),
        "p50_ms": statistics.median(times),
        "p99_ms": p99,
        "max_ms": times[-1],
        "limit_p99_ms": LIMIT_MS,
        "body_bytes_gzip": max(sizes),
        "cpu_ms_a_scrape": cpu_ms / len(times),
        "nvml_calls_a_second_idle": idle_rate,
        "nvml_calls_a_second_scraped": scraped_rate,
        "holds": p99 < LIMIT_MS and calls_hold,
    }


def _scrape(port: int) -> tuple[list[float], list[int]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    times, sizes = [], []
    until = time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < until:
        connection.request("GET", "/metrics", headers=HEADERS)
        sizes.append(len(connection.getresponse().read()))
        times.append((time.perf_counter() - began) * 1e3)
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return times, sizes


def _calls(log: Path) -> int:
    return log.read_bytes().count(b"\n")


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
