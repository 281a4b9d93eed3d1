"""What a process takes of the machine, as the kernel counts it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

_NS_PER_MS = 1e6


class Memory(NamedTuple):
    """In bytes (proc_pid_smaps(5))."""

    resident: int
    proportional: int
    """Pages that several processes share count by their share."""
    unique: int
    """Pages that no other process has."""


class Watched:
    """A process, by its PID."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        # the kernel's number for a process' own CPU clock: what clock_getcpuclockid(3) answers
        self._cpu_clock = ~pid << 3 | 2

    def cpu_ms(self) -> float:
        """Milliseconds of processor time so far, of all its threads, those that have ended as well."""
        return time.clock_gettime_ns(self._cpu_clock) / _NS_PER_MS

    def memory(self) -> Memory:
        """What it has in memory now."""
        kib = dict.fromkeys(("Rss", "Pss", "Private_Clean", "Private_Dirty"), 0)
        for line in (self._proc / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
            name, _, value = line.partition(":")
            if name in kib:
                kib[name] = int(value.split()[0])
        return Memory(kib["Rss"] * 1024, kib["Pss"] * 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) * 1024)

    def threads(self) -> int:
        """How many it has now."""
        return len(list((self._proc / "task").iterdir()))

    def descriptors(self) -> int:
        """How many files and sockets it has open now."""
        return len(list((self._proc / "fd").iterdir()))
