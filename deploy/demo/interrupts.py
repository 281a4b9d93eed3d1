"""Being asked to stop, noticed only at the places that ask for it.

A handler that raises could hit between the start of a child and the note of its number, and that child would stay.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any

POLL_SECONDS = 0.05
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """Somebody asked this program to stop."""


class TookTooLong(Exception):
    """A condition did not come true in time."""


class Interrupts(AbstractContextManager["Interrupts"]):
    """While entered, SIGINT, SIGTERM and SIGHUP are noted. Enter it in the main thread."""

    def __init__(self) -> None:
        self._noted = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._noted = True

    def check(self) -> None:
        """Raises `Interrupted` if a signal came."""
        if self._noted:
            raise Interrupted

    def wait_until(
        self, condition: Callable[[], bool], *, seconds: float, what: str, every: float = POLL_SECONDS
    ) -> None:
        """Wait for a condition, asked `every` so many seconds.

        Raises `TookTooLong`, which names what was waited for, or `Interrupted`.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            if condition():
                return
            if time.monotonic() > deadline:
                raise TookTooLong(f"{what} took longer than {seconds:g} s")
            time.sleep(every)
