"""A token bucket: how many requests there may be in a time."""

from __future__ import annotations

import time


class Bucket:
    """For one thread at a time."""

    def __init__(self, *, interval_s: float, burst: int) -> None:
        """A token comes every interval; at most `burst` are kept."""
        self._interval_s = interval_s
        self._burst = burst
        self._tokens = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether there is a token, which is then gone."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) / self._interval_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
