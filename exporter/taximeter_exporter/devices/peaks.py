"""The most memory that was in use on a device within the last day."""

from __future__ import annotations

from taximeter_exporter.clock import NS_PER_HOUR

WINDOW_HOURS = 24
"""Whole quarter hours, and the one that has begun."""
KNOWN_HOURS = 6
"""For so long a device must have been read before its peak says anything."""

_QUARTER_NS = NS_PER_HOUR // 4


class MemoryPeak:
    """Of one device: a figure for each quarter hour. For one thread at a time."""

    def __init__(self) -> None:
        self._begun_ns = 0
        """Since when it is read without a day's pause."""
        self._by_quarter: dict[int, int] = {}

    def record(self, used: int, now_ns: int) -> int | None:
        """Take along the bytes in use at a moment on `Clock.elapsed_ns`, and say how many were at most.

        `None` in the first six hours.
        """
        quarter = now_ns // _QUARTER_NS
        if quarter not in self._by_quarter:
            since = (now_ns - WINDOW_HOURS * NS_PER_HOUR) // _QUARTER_NS
            self._by_quarter = {each: peak for each, peak in self._by_quarter.items() if each >= since}
            if not self._by_quarter:
                self._begun_ns = now_ns
        self._by_quarter[quarter] = max(used, self._by_quarter.get(quarter, 0))
        return max(self._by_quarter.values()) if now_ns - self._begun_ns >= KNOWN_HOURS * NS_PER_HOUR else None
