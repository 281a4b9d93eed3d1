"""What a run's time goes into. Every moment belongs to exactly one phase, so that the phases add up to the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, get_args

Phase = Literal[
    "startup",
    "data_wait",
    "transfer",
    "compile",
    "forward_backward",
    "optimizer",
    "evaluation",
    "checkpoint",
    "other",
]
PHASES: tuple[Phase, ...] = get_args(Phase)

PROGRESS: tuple[Phase, ...] = ("transfer", "forward_backward", "optimizer")
"""The phases in which a model learns. What they took, less what was lost, is the time that bought progress."""


class PhaseTimes:
    """Nanoseconds spent in each phase, and which phase it is now. Begins in `startup`.

    Written by the training loop and read by other threads. A reader includes the phase that is still going on, so
    that a long evaluation shows while it lasts.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        # The phase, since when, and the time of each until then. Replaced as a whole, so that a reader sees all of it
        # or nothing, and a counter never runs backwards; a lock would cost a step more than all the rest.
        self._state: tuple[Phase, int, dict[Phase, int]] = ("startup", clock(), dict.fromkeys(PHASES, 0))
        self._stopped = False

    @property
    def current(self) -> Phase:
        """The phase that is going on."""
        return self._state[0]

    def switch(self, phase: Phase) -> int:
        """From now on it is `phase`. Returns the moment, in nanoseconds of the clock."""
        now = self._clock()
        if not self._stopped:
            before, since, nanoseconds = self._state
            nanoseconds = nanoseconds.copy()
            nanoseconds[before] += now - since
            self._state = (phase, now, nanoseconds)
        return now

    def stop(self) -> None:
        """The run is over: from now on nothing counts."""
        self.switch(self.current)
        self._stopped = True

    def read(self) -> dict[Phase, int]:
        """Nanoseconds of each phase until now, in the order of `PHASES`."""
        phase, since, nanoseconds = self._state
        nanoseconds = nanoseconds.copy()
        if not self._stopped:
            nanoseconds[phase] += self._clock() - since
        return nanoseconds
