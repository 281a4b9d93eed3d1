"""What a run's time goes into. Every moment belongs to exactly one phase, so that the phases add up to the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, get_args

Phase = Literal["startup", "data_wait", "forward_backward", "optimizer", "evaluation", "other"]
PHASES: tuple[Phase, ...] = get_args(Phase)


class PhaseTimes:
    """Nanoseconds spent in each phase, and which phase it is now. Begins in `startup`.

    Written by the training loop and read by other threads. A reader includes the phase that is still going on, so
    that a long evaluation shows while it lasts; the lock keeps what it reads from ever running backwards.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        # Re-entrant, since a signal handler that ends the meter can interrupt the thread that holds it.
        self._lock = threading.RLock()
        self._nanoseconds: dict[Phase, int] = dict.fromkeys(PHASES, 0)
        self._current: Phase = "startup"
        self._since = clock()
        self._stopped = False

    @property
    def current(self) -> Phase:
        """The phase that is going on."""
        return self._current

    def switch(self, phase: Phase) -> int:
        """From now on it is `phase`. Returns the moment, in nanoseconds of the clock."""
        with self._lock:
            now = self._clock()
            if not self._stopped:
                self._nanoseconds[self._current] += now - self._since
                self._current = phase
                self._since = now
            return now

    def stop(self) -> None:
        """The run is over: from now on nothing counts."""
        with self._lock:
            self.switch(self._current)
            self._stopped = True

    def read(self) -> dict[Phase, int]:
        """Nanoseconds of each phase until now, in the order of `PHASES`."""
        with self._lock:
            nanoseconds = dict(self._nanoseconds)
            if not self._stopped:
                nanoseconds[self._current] += self._clock() - self._since
            return nanoseconds
