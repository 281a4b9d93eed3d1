"""Who reads which device when: each once an interval, one after the other for as long as they answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from taximeter_exporter.clock import NS_PER_SECOND, Clock

_WAITING = 2
"""One thread that reads, and one that stands by."""


class Turns:
    """Deals devices out to threads.

    One thread reads them all, so that what the first leaves in the processor's caches serves the others, and no two
    dispute the interpreter. Another stands by: it goes on with the rest when one takes longer than its part of the
    interval. A device that is still being read is not dealt out again.
    """

    def __init__(self, devices: Callable[[], Sequence[str]], clock: Clock, *, interval_ns: int) -> None:
        """`devices` says which there are, by UUID."""
        self._devices = devices
        self._clock = clock
        self._interval_ns = interval_ns
        self._changed = threading.Condition()
        self._beat = clock.elapsed_ns() // interval_ns
        self._due = deque(devices())
        self._reading: set[str] = set()
        self._patience_ns = 0
        self._free_ns = 0
        """From when on the next device is dealt out also if the one before has not been read."""
        self._beat_is_awaited = False
        self._waiting = 0
        self._stopped = False

    def take(self) -> str | None:
        """Wait for a device whose turn it is; `None`: the thread is needed no more."""
        with self._changed:
            self._waiting += 1
            try:
                while not self._stopped and self._waiting <= _WAITING:
                    now_ns = self._clock.elapsed_ns()
                    self._enter(now_ns)
                    if self._due and now_ns >= self._free_ns:
                        uuid = self._due.popleft()
                        self._reading.add(uuid)
                        self._free_ns = now_ns + self._patience_ns
                        return uuid
                    self._wait(now_ns)
                return None
            finally:
                self._waiting -= 1

    def give_back(self, uuid: str) -> None:
        """It has been read; so the next one can be."""
        with self._changed:
            self._reading.discard(uuid)
            self._free_ns = 0

    def reading(self) -> int:
        """How many devices are being read."""
        return len(self._reading)

    def add(self, uuids: Iterable[str]) -> None:
        """Devices that have come are read at once; one that is still being read, since before it went, is not."""
        with self._changed:
            self._due.extend([uuid for uuid in uuids if uuid not in self._reading and uuid not in self._due])
            self._changed.notify_all()

    def stop(self) -> None:
        """Deal out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _enter(self, now_ns: int) -> None:
        """In a new interval all are due that are not being read; a slow one is not asked for again at once."""
        beat = now_ns // self._interval_ns
        devices = self._devices()
        self._patience_ns = self._interval_ns // (len(devices) + 1)
        if beat != self._beat:
            self._beat = beat
            self._due = deque(uuid for uuid in devices if uuid not in self._reading)

    def _wait(self, now_ns: int) -> None:
        if self._due:
            self._changed.wait((self._free_ns - now_ns) / NS_PER_SECOND)
            return
        until_beat_ns = self._interval_ns - now_ns % self._interval_ns
        if self._beat_is_awaited:
            self._changed.wait((until_beat_ns + self._patience_ns) / NS_PER_SECOND)
            return
        self._beat_is_awaited = True
        self._changed.wait(until_beat_ns / NS_PER_SECOND)
        self._beat_is_awaited = False
