"""How much of the last minutes heat, or the power supply, held the clocks of a GPU down."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from taximeter_exporter.clock import NS_PER_SECOND

REASONS = ("hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown")
"""Not what a GPU does to keep to its power limit, or when it is idle: that is as it should be."""
WINDOW_NS = 300 * NS_PER_SECOND
_MARK_NS = 15 * NS_PER_SECOND
"""So far apart what was counted by then is kept: the window may be longer by so much."""


class Slowdown:
    """Of one GPU. For one thread at a time."""

    def __init__(self) -> None:
        self._read: dict[str, int] = {}
        """What the counter of each reason was last."""
        self._counted: dict[str, int] = {}
        """By how much each has risen since it was first read."""
        self._marks: deque[tuple[int, Mapping[str, int]]] = deque()

    def record(self, throttle_ns: Mapping[str, int], now_ns: int) -> float | None:
        """Take along what the reasons have counted by now, and say of the last five minutes which share it was.

        That of the reason that had the largest; `None` where the GPU tells none. A counter that begins anew, with the
        driver, has counted what it shows. What was before the first reading is not known, and counts as none.
        """
        for reason in REASONS:
            ns = throttle_ns.get(reason)
            if ns is not None:
                before = self._read.get(reason, ns)
                self._counted[reason] = self._counted.get(reason, 0) + (ns - before if ns >= before else ns)
                self._read[reason] = ns
        if not self._counted:
            return None
        if not self._marks or now_ns - self._marks[-1][0] >= _MARK_NS:
            self._marks.append((now_ns, dict(self._counted)))
        while len(self._marks) > 1 and now_ns - self._marks[1][0] >= WINDOW_NS:
            self._marks.popleft()
        since_ns, counted_then = self._marks[0]
        longest_ns = max(ns - counted_then.get(reason, 0) for reason, ns in self._counted.items())
        return min(1.0, longest_ns / max(now_ns - since_ns, WINDOW_NS))
