"""A hundred scrapers at once for a minute: every scrape is answered, and the exporter takes no more and more.

Run with `tests` on PYTHONPATH: `python -m bench.crowd [--format json]`. Exit status 1 if it does not hold.

The exporter runs in a process of its own on the fake NVML library, with 8 GPUs × 8 processes. Each scraper keeps a
connection and asks again a little after each answer, half of them for OpenMetrics in gzip, half for plain text. What
the exporter takes is compared between a fourth of the time and its end, and before and after the crowd.
"""

from __future__ import annotations

import gzip
import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from bench.show import lines, show
from bench.watched import Watched
from bench.workers import on_gpus, workers
from fakes.nvml.build import build, environment
from support.programs import CONFIG, exporter, wait_for, write_config

SCRAPERS = 100
SECONDS = 60.0
PAUSE_SECONDS = 0.2
MOST_GROWTH_RATIO = 0.05
_TIMEOUT_SECONDS = 120.0
ASKED = (
    {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"},
    {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"},
)


@dataclass
class Crowd:
    """What scrapers got who asked at the same time."""

    times_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    """How often what went wrong."""

    def scrape(self, port: int, until: float, least: int, asked: dict[str, str]) -> None:
        """One scraper's life, until a moment on the monotonic clock, and until all have come so often."""
        connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        while time.monotonic() < until or len(self.times_ms) < least:
            began = time.perf_counter()
            try:
                connection.request("GET", "/metrics", headers=asked)
                response = connection.getresponse()
                body = response.read()
                problem = _problem(response.status, body, asked)
            except (OSError, HTTPException) as error:
                connection.close()
                problem = repr(error)
            self.times_ms.append((time.perf_counter() - began) * 1e3)
            if problem:
                self.errors[problem] += 1
            time.sleep(PAUSE_SECONDS)
        connection.close()


def _problem(status: int, body: bytes, asked: dict[str, str]) -> str:
    """What is wrong with an answer; empty if nothing is."""
    if status != 200:
        return f"status {status}"
    text = gzip.decompress(body) if asked["Accept-Encoding"] == "gzip" else body
    whole = text.endswith(b"# EOF\n") or "openmetrics" not in asked["Accept"]
    return "" if whole and b"taximeter_run_active" in text else "the body is not whole"


def crowded(port: int, watched: Watched, *, scrapers: int, seconds: float, least: int = 0) -> dict[str, Any]:
    """Let scrapers come for a while, and so often at least, and count what the exporter takes."""
    before = watched.descriptors(), watched.threads()
    crowd, began = Crowd(), time.monotonic()
    threads = [
        threading.Thread(target=crowd.scrape, args=(port, began + seconds, least, ASKED[place % len(ASKED)]))
        for place in range(scrapers)
    ]
    cpu_ms = watched.cpu_ms()
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, began + seconds / 4 - time.monotonic()))
    while len(crowd.times_ms) < least / 4:
        time.sleep(PAUSE_SECONDS)
    early = watched.memory().resident
    for thread in threads:
        thread.join()
    cpu_ms = watched.cpu_ms() - cpu_ms
    late = watched.memory().resident
    wait_for(lambda: watched.descriptors() <= before[0], "connections that were closed stay open")
    times = sorted(crowd.times_ms)
    return {
        "scrapers": scrapers,
        "seconds": time.monotonic() - began,
        "scrapes": len(times),
        "errors": dict(crowd.errors),
        "p50_ms": statistics.median(times),
        "p99_ms": times[int(len(times) * 0.99)],
        "cpu_ms_a_scrape": cpu_ms / len(times),
        "early_bytes": early,
        "late_bytes": late,
        "descriptors_before": before[0],
        "descriptors_after": watched.descriptors(),
        "threads_before": before[1],
        "threads_after": watched.threads(),
        "holds": not crowd.errors and late <= early * (1 + MOST_GROWTH_RATIO),
    }


def measure(*, scrapers: int = SCRAPERS, seconds: float = SECONDS) -> dict[str, Any]:
    """Start the exporter, and let them come."""
    with tempfile.TemporaryDirectory() as temporary, workers(gpus=8, processes=8) as pids:
        folder = Path(temporary)
        scenario = folder / "scenario"
        on_gpus(pids).write(scenario)
        config = write_config(folder, CONFIG.replace("100ms", "1s"))
        with exporter(config, environ=environment(build(folder), scenario)) as running:
            wait_for(lambda: b"taximeter_run_active" in running.get("/metrics").body, "no run is seen")
            return crowded(running.port, Watched(running.process.pid), scrapers=scrapers, seconds=seconds)


def in_words(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    errors = ", ".join(f"{problem}: {count}" for problem, count in figures["errors"].items())
    return lines(
        [
            ("scrapers", f"{figures['scrapers']} at once for {figures['seconds']:.0f} s: {figures['scrapes']} scrapes"),
            ("errors", errors or "none"),
            ("p50, p99", f"{figures['p50_ms']:.1f}, {figures['p99_ms']:.1f} ms, with all of them on this machine"),
            ("processor", f"{figures['cpu_ms_a_scrape']:.2f} ms a scrape, sampling included"),
            ("memory", f"{figures['early_bytes'] / 2**20:.1f} MiB early, {figures['late_bytes'] / 2**20:.1f} MiB late"),
            ("descriptors", f"{figures['descriptors_before']} before, {figures['descriptors_after']} after"),
            ("threads", f"{figures['threads_before']} before, {figures['threads_after']} after"),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, lambda figures: bool(figures["holds"])))
