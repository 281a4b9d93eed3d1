"""What the readings of a device tell together. Each of them counts, whoever asks how seldom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from taximeter_exporter.devices.peaks import MemoryPeak
from taximeter_exporter.devices.reading import NO_PAST, Past, Reading
from taximeter_exporter.devices.slowdown import Slowdown

_Key = TypeVar("_Key")


class _Risen(Generic[_Key]):
    """When each of several counts last changed; a count that appears has."""

    def __init__(self) -> None:
        self._counts: Mapping[_Key, int] = {}
        self._times_ns: Mapping[_Key, int] = {}

    def record(self, counts: Mapping[_Key, int], time_ns: int) -> Mapping[_Key, int]:
        if counts != self._counts:
            before, times_ns = self._counts, self._times_ns
            self._times_ns = {
                key: times_ns[key] if before.get(key) == count else time_ns for key, count in counts.items()
            }
            self._counts = counts
        return self._times_ns


class Remembering:
    """Of one device, and in memory alone: a restart begins anew. For one thread at a time."""

    def __init__(self) -> None:
        self._past = NO_PAST
        self._memory_peak = MemoryPeak()
        self._slowdown = Slowdown()
        self._xid_errors: _Risen[int] = _Risen()
        self._refused: _Risen[str] = _Risen()

    def record(self, reading: Reading | None, xid_errors: Mapping[int, int], *, now_ns: int, time_ns: int) -> Past:
        """Take along what was read at a moment on `Clock.elapsed_ns`, or that it could not be, and say what is known.

        `xid_errors`: how many the driver has reported by then; `time_ns`: the same moment by the time of day.
        """
        past = self._past
        peak, slowdown, refused = past.memory_peak_bytes, past.slowdown_ratio, past.refused_times_ns
        if reading is not None:
            if reading.memory_used_bytes is not None:
                peak = self._memory_peak.record(reading.memory_used_bytes, now_ns)
            slowdown = self._slowdown.record(reading.throttle_ns, now_ns)
            refused = self._refused.record(reading.refused, time_ns)
        self._past = Past(
            memory_peak_bytes=peak,
            slowdown_ratio=slowdown,
            xid_times_ns=self._xid_errors.record(xid_errors, time_ns),
            refused_times_ns=refused,
        )
        return self._past
