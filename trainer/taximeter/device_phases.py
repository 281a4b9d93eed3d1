"""What a run's time goes into where a GPU works behind the program's back, by the GPU's own clock."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol, Self

from taximeter.phases import Mark, Phase, PhaseTimes

# After so many looks at events, the two clocks are compared.
_COMPARE_AFTER = 4096

_log = logging.getLogger("taximeter")


class Event(Protocol):
    """A mark in the stream of a GPU's work, such as `torch.cuda.Event(enable_timing=True)`."""

    def record(self) -> None:
        """Put the mark behind all work that was given to the GPU so far."""

    def query(self) -> bool:
        """Whether the GPU has come to the mark; does not wait for it."""

    def elapsed_time(self, end_event: Self) -> float:
        """Milliseconds from this mark to another, both of which the GPU has come to."""

    def synchronize(self) -> None:
        """Wait for the GPU to come to the mark."""


class DevicePhases(PhaseTimes):
    """The phases as the GPU goes through them; goes on from those of the program.

    The program gives the GPU its work and goes on at once, so its own clock says nothing of what the work takes. With
    each mark an event is put into the GPU's stream; the time between two events belongs to the phase between their
    marks, and is added when the GPU has passed it. Nobody waits for that: with each mark it is looked how far the GPU
    is by now. So a wait for data counts only as far as the GPU had nothing else to do meanwhile, and every moment
    belongs to one phase still.

    Events are looked at by the thread that marks only: to ask for one from elsewhere would break a CUDA graph that is
    being captured. Should the events fail, it goes on by the program's clock.
    """

    def __init__(self, host: PhaseTimes, new_event: Callable[[], Event]) -> None:
        super().__init__(host.clock, host.on_steps, host.on_step_times)
        self._put_to_host = self.put
        self.put = self._put
        host.add_up()
        self._sums = host._sums
        self._host_sums = self._sums.copy()
        """Where the program is. Of these, only the phases are of use."""
        self._marked_at = self._sums.until
        self._new_event = new_event
        self._following = True
        self._last: Event | None = None
        self._ahead: deque[tuple[Event, Mark]] = deque()
        self._spare: list[Event] = []
        self._looks = 0
        self._least_behind_ns: int | None = None
        self._shown = host._shown

    def _put(self, moment: tuple[int, Mark]) -> None:
        """A step counts at once, and its time when the GPU has done it."""
        if not self._following:
            self._put_to_host(moment)
            return
        now, mark = moment
        with self._lock:
            if self._stopped:
                return
            self._host_sums.pass_by([(now, mark)])
            self._marked_at = now
            try:
                self._look(now)
                event = self._spare.pop() if self._spare else self._new_event()
                event.record()
            except Exception as wrong:  # whatever a GPU raises must not end the training
                self._follow_host(wrong)
                self._put_to_host(moment)
                return
            self._ahead.append((event, mark))
            if isinstance(mark, int):
                self.on_steps([mark])

    def add_up(self) -> None:
        """See `PhaseTimes`; while the GPU is followed there is nothing to be added up."""
        if not self._following:
            super().add_up()

    def stop(self) -> None:
        """The run is over: from now on nothing counts. Waits for the GPU."""
        with self._lock:
            if self._following and not self._stopped:
                try:
                    if self._ahead:
                        self._ahead[-1][0].synchronize()
                    self._look(self.clock())
                except Exception as wrong:  # whatever a GPU raises must not end the training
                    self._follow_host(wrong)
            super().stop()

    def read(self) -> dict[Phase, int]:
        """See `PhaseTimes`. What the GPU has not come to yet is left out, but for the phase that is going on."""
        with self._lock:
            if self._stopped or not self._following:
                return super().read()
            # The program may be in a phase long before the GPU is.
            now = self._sums.nanoseconds.copy()
            now[self._host_sums.phases[-1]] += max(0, self.clock() - max(self._sums.until, self._marked_at))
            return self._never_less(now)

    def _look(self, now: int) -> None:
        """Add what the GPU has come past."""
        seen = False
        while self._ahead and self._ahead[0][0].query():
            event, mark = self._ahead.popleft()
            if self._last is None:
                moment = now
            else:
                moment = self._sums.until + round(self._last.elapsed_time(event) * 1e6)
                self._spare.append(self._last)
            self._last = event
            _samples, durations = self._sums.pass_by([(moment, mark)])
            self.on_step_times(durations)
            seen = True
        if seen:
            self._compare(now)

    def _compare(self, now: int) -> None:
        """Keep the sum of the GPU's times at the program's clock.

        An event is seen some time after it came, but of many one is seen almost at once: by how much the least late
        one was behind, the GPU's clock is slow. It cannot be ahead: then its clock is fast.
        """
        behind = now - self._sums.until
        if behind < 0:
            self._sums.set_clock(now)
            behind = 0
        self._least_behind_ns = behind if self._least_behind_ns is None else min(self._least_behind_ns, behind)
        self._looks += 1
        if self._looks >= _COMPARE_AFTER:
            self._sums.go_on(self._sums.until + self._least_behind_ns)
            self._looks, self._least_behind_ns = 0, None

    def _follow_host(self, wrong: Exception) -> None:
        _log.warning("the GPU's times cannot be had (%s): from now on phases count by the program's clock", wrong)
        self._following = False
        self._sums.phases = self._host_sums.phases
        self._ahead.clear()
