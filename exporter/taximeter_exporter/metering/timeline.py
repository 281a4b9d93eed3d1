"""Whether a device was in use, remembered for as long as its time is not booked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


class BusyTimeline:
    """Changes of `busy` on `Clock.elapsed_ns`; `None` is not known."""

    def __init__(self, start_ns: int) -> None:
        self._moments = [start_ns]
        self._states: list[bool | None] = [None]
        self._observed_ns = start_ns

    def observe(self, now_ns: int, busy: bool | None) -> None:
        """A reading speaks for the time since the one before it."""
        if busy != self._states[-1]:
            if self._moments[-1] == self._observed_ns:
                self._states[-1] = busy
            else:
                self._moments.append(self._observed_ns)
                self._states.append(busy)
        self._observed_ns = now_ns

    def at(self, moment_ns: int) -> bool | None:
        """Whether the device was in use."""
        return self._states[max(0, bisect_right(self._moments, moment_ns) - 1)]

    def changes(self) -> Sequence[int]:
        """When it changed."""
        return self._moments

    def forget(self, before_ns: int) -> None:
        """Drop what lies before a moment."""
        keep = max(0, bisect_right(self._moments, before_ns) - 1)
        del self._moments[:keep], self._states[:keep]
