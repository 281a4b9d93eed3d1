"""What a run's time goes into. Every moment belongs to exactly one phase, so that the phases add up to the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
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


class Turn(Enum):
    """What happens at a moment, besides that a phase is entered or a step ends."""

    LOOP = 1
    """A loop over a loader begins; it waits for its first batch."""
    BATCH = 2
    """The batch is there."""
    LEAVE = 3
    """The phase or the loop that was entered last is left; what was before goes on."""


Mark = Phase | Turn | int
"""A phase is entered, a turn, or a step ends that trained on so many samples."""


class Sums:
    """Adds up times by phase, and counts steps, as the marks pass by."""

    def __init__(self) -> None:
        self.nanoseconds: dict[Phase, int] = dict.fromkeys(PHASES, 0)
        self.phases: list[Phase] = ["startup"]
        """The phases that were entered and not left; the last is going on."""
        self.step_ns = 0
        """Of the step that is going on."""

    def copy(self) -> Sums:
        """The same, to go on apart."""
        copy = Sums()
        copy.nanoseconds, copy.phases, copy.step_ns = self.nanoseconds.copy(), self.phases.copy(), self.step_ns
        return copy

    def spend(self, nanoseconds: int) -> None:
        """So much time passed in the phase that is going on."""
        self.nanoseconds[self.phases[-1]] += nanoseconds
        self.step_ns += nanoseconds

    def pass_by(self, mark: Mark) -> int | None:
        """Something happens. Returns the nanoseconds of a step that ended with it."""
        phases = self.phases
        if mark is Turn.BATCH:
            phases[-1] = "forward_backward"
        elif isinstance(mark, int):
            step_ns, self.step_ns = self.step_ns, 0
            phases[-1] = "data_wait"
            return step_ns
        elif mark is Turn.LEAVE:
            if len(phases) > 1:
                phases.pop()
        elif mark is Turn.LOOP:
            if phases == ["startup"]:
                phases[0] = "other"  # the run has started up, and never does so again
            phases.append("data_wait")
            self.step_ns = 0
        else:
            phases.append(mark)
        return None


def _ignore(_number: int) -> None:
    """Nobody wants to know."""


class PhaseTimes:
    """Nanoseconds spent in each phase. Begins in `startup`.

    Marked by the training loop and read by other threads. A reader includes the phase that is still going on, so
    that a long evaluation shows while it lasts. `on_step` is given the samples of each step that ended, and
    `on_step_time` its nanoseconds.

    A mark is put on a list and added up later, all of a second together: in a step the processor has the code for
    that in none of its caches, and takes ten times as long for it.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.perf_counter_ns,
        on_step: Callable[[int], None] = _ignore,
        on_step_time: Callable[[int], None] = _ignore,
    ) -> None:
        self.clock = clock
        self.on_step = on_step
        self.on_step_time = on_step_time
        # Re-entrant, since a signal handler that ends the meter can interrupt the thread that holds it.
        self._lock = threading.RLock()
        self.marks: list[tuple[int, Mark]] = []
        """What was marked and has not been added up yet."""
        self.put: Callable[[tuple[int, Mark]], None] = self.marks.append
        """Take a moment and what happened; what a step calls directly, since each call less counts there."""
        self._sums = Sums()
        self._until = clock()
        """The moment until which the sums are."""
        self._stopped = False
        self._shown = self._sums.nanoseconds.copy()

    def mark(self, mark: Mark) -> None:
        """Say that something happens now."""
        self.put((self.clock(), mark))

    @property
    def outside(self) -> bool:
        """Whether every phase and every loop that was entered has been left."""
        self.add_up()
        return len(self._sums.phases) == 1

    def add_up(self) -> None:
        """Add up what was marked."""
        with self._lock:
            marks = self.marks[:]
            del self.marks[: len(marks)]
            if self._stopped:
                return
            for moment, mark in marks:
                passed = max(0, moment - self._until)
                self._until += passed
                self._sums.spend(passed)
                step_ns = self._sums.pass_by(mark)
                if isinstance(mark, int):
                    self.on_step(mark)
                if step_ns is not None:
                    self.on_step_time(step_ns)

    def stop(self) -> None:
        """The run is over: from now on nothing counts."""
        with self._lock:
            self.add_up()
            if not self._stopped:
                self._sums.spend(max(0, self.clock() - self._until))
                self._stopped = True

    def read(self) -> dict[Phase, int]:
        """Nanoseconds of each phase until now, in the order of `PHASES`."""
        with self._lock:
            self.add_up()
            sums = self._sums.copy()
            if not self._stopped:
                sums.spend(max(0, self.clock() - self._until))
            return self._never_less(sums.nanoseconds)

    def _never_less(self, nanoseconds: dict[Phase, int]) -> dict[Phase, int]:
        # A reader may come between the look at the clock and the mark that is made of it, and say more of the phase
        # before than it had; a counter must not go back on that.
        self._shown = {phase: max(shown, nanoseconds[phase]) for phase, shown in self._shown.items()}
        return self._shown.copy()


class Block:
    """A block of the program in a phase; then what was before goes on. Can be used again, also within itself."""

    __slots__ = ("_clock", "_phase", "_put")

    # contextlib.contextmanager takes several times as long.

    def __init__(self, phases: PhaseTimes, phase: Phase) -> None:
        self._put = phases.put
        self._clock = phases.clock
        self._phase: Phase = phase

    def __enter__(self) -> None:
        self._put((self._clock(), self._phase))

    def __exit__(self, _kind: object, _exception: object, _traceback: object) -> None:
        self._put((self._clock(), Turn.LEAVE))
