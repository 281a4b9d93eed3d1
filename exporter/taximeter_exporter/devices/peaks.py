"""The most memory that was in use on each device within the last day."""

from __future__ import annotations

from collections.abc import Iterable

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.devices.reading import Sample

WINDOW_HOURS = 24
"""Whole hours, and the one that has begun."""
KNOWN_HOURS = 6
"""For so long a device must have been read before its peak says anything."""


class MemoryPeaks:
    """One figure an hour and device. For one thread at a time."""

    def __init__(self) -> None:
        self._since_ns: dict[str, int] = {}
        self._by_hour: dict[str, dict[int, int]] = {}

    def record(self, samples: Iterable[Sample], now_ns: int) -> None:
        """Take along what is in use now, a moment on `Clock.elapsed_ns`; what was not read for a day is forgotten."""
        hour = now_ns // NS_PER_HOUR
        for sample in samples:
            used = None if sample.reading is None else sample.reading.memory_used_bytes
            if used is not None:
                self._since_ns.setdefault(sample.device.uuid, now_ns)
                by_hour = self._by_hour.setdefault(sample.device.uuid, {})
                by_hour[hour] = max(used, by_hour.get(hour, 0))
        for uuid, by_hour in list(self._by_hour.items()):
            for old in [each for each in by_hour if each < hour - WINDOW_HOURS]:
                del by_hour[old]
            if not by_hour:
                del self._by_hour[uuid], self._since_ns[uuid]

    def peak(self, uuid: str, now_ns: int) -> int | None:
        """The most bytes in use within the last day; `None` while the device has been read for less than six hours."""
        since_ns = self._since_ns.get(uuid)
        if since_ns is None or now_ns - since_ns < KNOWN_HOURS * NS_PER_HOUR:
            return None
        return max(self._by_hour[uuid].values())
