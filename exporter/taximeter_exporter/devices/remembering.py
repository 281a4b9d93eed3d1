"""What the readings of a device tell together. Each of them counts, whoever asks how seldom."""

from __future__ import annotations

from collections.abc import Mapping

from taximeter_exporter.devices.peaks import MemoryPeak
from taximeter_exporter.devices.reading import NO_PAST, Past, Reading
from taximeter_exporter.devices.slowdown import Slowdown


class Remembering:
    """Of one device, and in memory alone: a restart begins anew. For one thread at a time."""

    def __init__(self) -> None:
        self._past = NO_PAST
        self._memory_peak = MemoryPeak()
        self._slowdown = Slowdown()
        self._xid_errors: Mapping[int, int] = {}

    def record(self, reading: Reading | None, xid_errors: Mapping[int, int], *, now_ns: int, time_ns: int) -> Past:
        """Take along what was read at a moment on `Clock.elapsed_ns`, or that it could not be, and say what is known.

        `xid_errors`: how many the driver has reported by then; `time_ns`: the same moment by the time of day.
        """
        before, used = self._past, None if reading is None else reading.memory_used_bytes
        self._past = Past(
            memory_peak_bytes=before.memory_peak_bytes if used is None else self._memory_peak.record(used, now_ns),
            slowdown_ratio=before.slowdown_ratio
            if reading is None
            else self._slowdown.record(reading.throttle_ns, now_ns),
            xid_times_ns={
                xid: before.xid_times_ns[xid] if self._xid_errors.get(xid) == count else time_ns
                for xid, count in xid_errors.items()
            },
        )
        self._xid_errors = xid_errors
        return self._past
