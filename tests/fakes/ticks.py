"""A clock in nanoseconds that moves only when a test moves it."""

from __future__ import annotations


class Ticks:
    """Stands in for `time.perf_counter_ns`."""

    def __init__(self) -> None:
        self._now = 1_000_000_000_000

    def __call__(self) -> int:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; to the nanosecond."""
        self._now += round(seconds * 1e9)
