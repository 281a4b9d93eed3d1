"""What was observed of a device, remembered for as long as its time is not booked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

_State = TypeVar("_State")


class Timeline(Generic[_State]):
    """Changes of a state on `Clock.elapsed_ns`."""

    def __init__(self, start_ns: int, state: _State) -> None:
        """`state` is what holds until something is observed."""
        self._moments = [start_ns]
        self._states = [state]
        self._observed_ns = start_ns

    def observe(self, now_ns: int, state: _State) -> None:
        """A reading speaks for the time since the one before it."""
        if state != self._states[-1]:
            if self._moments[-1] == self._observed_ns:
                self._states[-1] = state
            else:
                self._moments.append(self._observed_ns)
                self._states.append(state)
        self._observed_ns = now_ns

    def at(self, moment_ns: int) -> _State:
        """The state at a moment."""
        return self._states[max(0, bisect_right(self._moments, moment_ns) - 1)]

    def last(self) -> _State:
        """What was observed last."""
        return self._states[-1]

    def changes(self) -> Sequence[int]:
        """When it changed."""
        return self._moments

    def forget(self, before_ns: int) -> None:
        """Drop what lies before a moment."""
        keep = max(0, bisect_right(self._moments, before_ns) - 1)
        del self._moments[:keep], self._states[:keep]
