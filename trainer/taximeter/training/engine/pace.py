"""When steps ended, for who foresees how long the next one takes."""

from __future__ import annotations

from collections import deque

RECENT_STEPS = 50


class Pace:
    """Written by the loop at the end of each step, which has no time for more than that."""

    __slots__ = ("ends", "look_at")

    def __init__(self) -> None:
        self.ends: deque[int] = deque(maxlen=RECENT_STEPS + 1)
        """Moments of the meter's clock, in nanoseconds: the ends of the recent steps, and what the first follows on."""
        self.look_at = 0
        """At the first step that ends then or later, the loop calls the hooks `step_look`, which say when to next."""
