"""What was booked not long ago by this process: how long runs had each device, and what was found as a gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.usage import Share, Usage

_ACTIVE_WINDOW_NS = 24 * NS_PER_HOUR
_GAP_WINDOW_NS = NS_PER_HOUR // 2


class Lately:
    """Kept up to date as usage is booked. Moments are in nanoseconds since 1970."""

    def __init__(self) -> None:
        self.active_ns: Counter[str] = Counter()
        """For how long runs had each device, by its UUID: in the quarter hours that began within the last day."""
        self.gap_ns = 0
        """The time of devices that passed without the exporter, and that it found within the last half hour."""
        self._active_by_quarter: dict[int, Counter[str]] = {}
        self._gaps: list[tuple[int, int]] = []

    def add(self, usage: Iterable[Usage], now_ns: int) -> None:
        """Count what was booked now."""
        gap_ns = 0
        for row in usage:
            if row.share is Share.ACTIVE:
                self._active_by_quarter.setdefault(row.quarter_ns, Counter())[row.uuid] += row.ns
                self.active_ns[row.uuid] += row.ns
            elif row.share in (Share.GAP, Share.SKIPPED):
                gap_ns += row.ns
        if gap_ns:
            self._gaps.append((now_ns, gap_ns))
        self._forget(now_ns)

    def _forget(self, now_ns: int) -> None:
        for quarter_ns in [each for each in self._active_by_quarter if each < now_ns - _ACTIVE_WINDOW_NS]:
            self.active_ns -= self._active_by_quarter.pop(quarter_ns)
        self._gaps = [(found_ns, gap_ns) for found_ns, gap_ns in self._gaps if found_ns > now_ns - _GAP_WINDOW_NS]
        self.gap_ns = sum(gap_ns for _, gap_ns in self._gaps)
