"""What a thread that works now and then waits for, at little cost to the training beside it."""

from __future__ import annotations

import threading


class QuickEvent:
    """Tells one other thread something, once. `threading.Event` would take several times as long at every wait."""

    def __init__(self) -> None:
        self._unset = threading.Lock()
        self._unset.acquire()

    def set(self) -> None:
        """It is so; to say it again changes nothing, before the other thread has heard of it."""
        if self._unset.locked():
            self._unset.release()

    def wait(self, seconds: float) -> bool:
        """Whether it is so, at the latest after so long. Not to be asked again once it was."""
        return self._unset.acquire(timeout=seconds)
