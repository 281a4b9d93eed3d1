"""What a run's time goes into. Every moment belongs to exactly one phase, so that the phases add up to the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Literal, NamedTuple, get_args

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
    """What else happens at a moment."""

    LOOP = 1
    """A loop over a loader begins; it waits for its first batch."""
    LEAVE = 2
    """The block or the loop that was entered last is left; what was before goes on."""


class Entered(NamedTuple):
    """A block in a phase is entered; what was before waits for it to be left."""

    phase: Phase


Mark = Phase | Entered | Turn | int
"""A phase follows on the one before, a block is entered, a turn, or a step ends that trained on so many samples."""


def _ignore(_what: object) -> None:
    """Nobody wants to know."""


class Sums:
    """Adds up times by phase as the marks pass by. What is no phase counts as `other`, and `on_unknown` is told."""

    def __init__(self, until: int, on_unknown: Callable[[object], object] = _ignore) -> None:
        self._on_unknown = on_unknown
        self.until = until
        """The moment until which the sums are."""
        self.nanoseconds: dict[Phase, int] = dict.fromkeys(PHASES, 0)
        self.phases: list[Phase] = ["startup"]
        """The phases that were entered and not left; the last is going on."""
        self._step_began = until

    def copy(self) -> Sums:
        """The same, to go on apart."""
        copy = Sums(self.until, self._on_unknown)
        copy.nanoseconds, copy.phases, copy._step_began = self.nanoseconds.copy(), self.phases.copy(), self._step_began
        return copy

    def at(self, moment: int) -> dict[Phase, int]:
        """The sums at this moment, if nothing is marked before it."""
        sums = self.nanoseconds.copy()
        sums[self.phases[-1]] += max(0, moment - self.until)
        return sums

    def go_on(self, moment: int) -> None:
        """Until this moment the phase that is going on went on."""
        self.nanoseconds, self.until = self.at(moment), max(moment, self.until)

    def set_clock(self, moment: int) -> None:
        """It is this moment, and not the one until which the sums are; these stay as they are."""
        self._step_began += moment - self.until
        self.until = moment

    def pass_by(self, happened: Iterable[tuple[int, Mark]]) -> tuple[list[int], list[int]]:
        """Moments, and what happened at each. Returns samples, and nanoseconds, of every step that ended."""
        sums, phases = self.nanoseconds, self.phases
        now, until, step_began = phases[-1], self.until, self._step_began
        samples: list[int] = []
        durations: list[int] = []
        for moment, mark in happened:
            if moment > until:
                sums[now] += moment - until
                until = moment
            if isinstance(mark, str):
                now = mark if mark in sums else self._unknown(mark)
            elif isinstance(mark, int):
                samples.append(mark)
                durations.append(until - step_began)
                now, step_began = "data_wait", until
            else:
                phases[-1] = now
                if mark is Turn.LOOP:
                    step_began = until
                self._turn(mark)
                now = phases[-1]
        phases[-1], self.until, self._step_began = now, until, step_began
        return samples, durations

    def _turn(self, mark: Entered | Turn | object) -> None:
        phases = self.phases
        if isinstance(mark, Entered):
            phases.append(mark.phase)
        elif mark is Turn.LOOP:
            if phases == ["startup"]:
                phases[0] = "other"  # the run has started up, and never does so again
            phases.append("data_wait")
        elif mark is Turn.LEAVE:
            if len(phases) > 1:
                phases.pop()
        else:
            phases[-1] = self._unknown(mark)

    def _unknown(self, mark: object) -> Phase:
        self._on_unknown(mark)
        return "other"


class PhaseTimes:
    """Nanoseconds spent in each phase. Begins in `startup`.

    Marked by the training loop and read by other threads. A reader includes the phase that is still going on, so
    that a long evaluation shows while it lasts. `on_steps` is given the samples of each of the steps that ended,
    `on_step_times` their nanoseconds, and `on_unknown` what was marked as a phase and is none.

    A mark is put on a list and added up later, all of a second together: in a step the processor has the code for
    that in none of its caches, and takes ten times as long for it.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.perf_counter_ns,
        on_steps: Callable[[list[int]], None] = _ignore,
        on_step_times: Callable[[list[int]], None] = _ignore,
        on_unknown: Callable[[object], object] = _ignore,
    ) -> None:
        self.clock = clock
        self.on_steps = on_steps
        self.on_step_times = on_step_times
        # Re-entrant, since a signal handler that ends the meter can interrupt the thread that holds it.
        self._lock = threading.RLock()
        self.marks: list[Any] = []
        """What was marked and has not been added up yet: moments, and after each what happened then."""
        # Not a tuple for each: so many of them at once would set off garbage collections.
        self.put: Callable[[tuple[int, Mark]], None] = self.marks.extend
        """Take a moment and what happened; what a step calls directly, since each call less counts there."""
        self._sums = Sums(clock(), on_unknown)
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
            if not marks or self._stopped:
                return
            samples, durations = self._sums.pass_by(zip(marks[::2], marks[1::2], strict=False))
            self.on_steps(samples)
            self.on_step_times(durations)

    def stop(self) -> None:
        """The run is over: from now on nothing counts."""
        with self._lock:
            self.add_up()
            if not self._stopped:
                self._sums.go_on(self.clock())
                self._stopped = True

    def read(self) -> dict[Phase, int]:
        """Nanoseconds of each phase until now, in the order of `PHASES`."""
        with self._lock:
            self.add_up()
            return self._never_less(self._sums.at(self._sums.until if self._stopped else self.clock()))

    def _never_less(self, nanoseconds: dict[Phase, int]) -> dict[Phase, int]:
        # A reader may come between the look at the clock and the mark that is made of it, and say more of the phase
        # before than it had; a counter must not go back on that.
        self._shown = {phase: max(shown, nanoseconds[phase]) for phase, shown in self._shown.items()}
        return self._shown.copy()


class Block:
    """A block of the program in a phase; then what was before goes on. Can be used again, also within itself."""

    __slots__ = ("_clock", "_entered", "_put")

    # contextlib.contextmanager takes several times as long.

    def __init__(self, phases: PhaseTimes, phase: Phase) -> None:
        self._put = phases.put
        self._clock = phases.clock
        self._entered = Entered(phase)

    def __enter__(self) -> None:
        self._put((self._clock(), self._entered))

    def __exit__(self, _kind: object, _exception: object, _traceback: object) -> None:
        self._put((self._clock(), Turn.LEAVE))
