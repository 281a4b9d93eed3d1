"""What a program that serves is told from outside: to end, or to read its configuration again."""

from __future__ import annotations

import os
import signal
from types import FrameType

_END = (signal.SIGTERM, signal.SIGINT)


class Ended(BaseException):
    """The program was told to end while it was starting."""


class Signals:
    """SIGTERM, SIGINT and SIGHUP from now on, in the order in which they come; for the main thread.

    To be told to end raises `Ended` wherever the program is, until it says that it has started.

    They come through a pipe, for any thread may be the one that the kernel interrupts: that would not wake the main
    thread where it waits for a lock, or a queue.
    """

    def __init__(self) -> None:
        self._starting = True
        self._reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (*_END, signal.SIGHUP):
            signal.signal(number, self._receive)

    def wait_in_line(self) -> None:
        """The program has started, and asks for them by `get`."""
        self._starting = False

    def get(self) -> int:
        """The next one; waits for it. Also one that could raise nothing where it came, as in a destructor."""
        return os.read(self._reading, 1)[0]

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self._starting and number in _END:
            raise Ended
