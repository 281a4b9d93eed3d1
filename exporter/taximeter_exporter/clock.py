"""The clock seam: elapsed time that neither jumps nor stops with the process, and the time of day.

Time passes on `CLOCK_BOOTTIME`, which is the host's: it goes on while the exporter is down or restarted and while the
machine is suspended, and setting the time of day does not move it. Two moments on it compare only within one boot,
which is why the boot's id belongs to it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

NS_PER_SECOND = 1_000_000_000
NS_PER_HOUR = 3600 * NS_PER_SECOND

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the meter asks about time."""

    @property
    def boot_id(self) -> str:
        """The id of the host's current boot; empty where the system does not tell."""
        ...

    def elapsed_ns(self) -> int:
        """Nanoseconds since the host booted, never decreasing."""
        ...

    def time_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z by the time of day, which can be set and so can jump."""
        ...


class SystemClock:
    """The host's own clock."""

    def __init__(self) -> None:
        # Without a boot clock (not Linux) the id stays empty, and so no time is ever taken for a gap.
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", None)
        readable = self._clock_id is not None and _BOOT_ID.is_file()
        self.boot_id = _BOOT_ID.read_text(encoding="ascii").strip() if readable else ""

    def elapsed_ns(self) -> int:
        """See `Clock.elapsed_ns`."""
        return time.monotonic_ns() if self._clock_id is None else time.clock_gettime_ns(self._clock_id)

    def time_ns(self) -> int:
        """See `Clock.time_ns`."""
        return time.time_ns()
