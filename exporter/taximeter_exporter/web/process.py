"""What the exporter itself takes of the machine, under the names that all of Prometheus' clients give it."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from taximeter_exporter.web.metrics import MetricSpec, Samples

_PREFIX = "process_"


def _spec(name: str, help: str, source: str, *, counter: bool = False) -> MetricSpec:  # noqa: A002
    return MetricSpec(name, help, source, counter=counter, prefix=_PREFIX, own=True)


CPU = _spec("cpu_seconds", "Total user and system CPU time spent in seconds.", "times(2)", counter=True)
VIRTUAL_MEMORY = _spec("virtual_memory_bytes", "Virtual memory size in bytes.", "/proc/self/statm")
RESIDENT_MEMORY = _spec("resident_memory_bytes", "Resident memory size in bytes.", "/proc/self/statm")
START_TIME = _spec("start_time_seconds", "Start time of the process since unix epoch in seconds.", "/proc/self/stat")
OPEN_FDS = _spec("open_fds", "Number of open file descriptors.", "/proc/self/fd")
MAX_FDS = _spec("max_fds", "Maximum number of open file descriptors.", "getrlimit(2)")

ALL = (CPU, VIRTUAL_MEMORY, RESIDENT_MEMORY, OPEN_FDS, MAX_FDS, START_TIME)
"""The table."""

_STARTTIME = 22 - 3
"""Its place in `/proc/PID/stat` after the command, which ends with the last parenthesis (proc_pid_stat(5))."""


class Process:
    """This process; where there is no /proc, without what only that tells."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._memory = proc / "self" / "statm"
        self._descriptors = proc / "self" / "fd"
        self._page_bytes = resource.getpagesize()
        self._start_seconds = _start_seconds(proc)

    def samples(self) -> Iterator[tuple[MetricSpec, Samples]]:
        """What it has taken by now."""
        yield CPU, [((), time.process_time())]
        try:
            size, resident, *_ = self._memory.read_bytes().split()
            descriptors = len(os.listdir(self._descriptors))  # noqa: PTH208 (counts names, makes no paths of them)
        except OSError:
            pass
        else:
            yield VIRTUAL_MEMORY, [((), int(size) * self._page_bytes)]
            yield RESIDENT_MEMORY, [((), int(resident) * self._page_bytes)]
            yield OPEN_FDS, [((), descriptors)]
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY:
            yield MAX_FDS, [((), most)]
        if self._start_seconds is not None:
            yield START_TIME, [((), self._start_seconds)]


def _start_seconds(proc: Path) -> float | None:
    """When the process began, in seconds since 1970; `None` if /proc does not tell."""
    try:
        ticks = int((proc / "self" / "stat").read_bytes().rpartition(b")")[2].split()[_STARTTIME])
        booted = next(
            int(line.split()[1]) for line in (proc / "stat").read_bytes().splitlines() if line.startswith(b"btime ")
        )
    except (OSError, StopIteration):
        return None
    return booted + ticks / os.sysconf("SC_CLK_TCK")
