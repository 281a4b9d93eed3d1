"""SIGTERM and Ctrl-C: a training run that is asked to stop pays its bill first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal came at a moment at which there was nothing to finish first."""


class Interruption:
    """While entered, takes SIGTERM and SIGINT over: raises `Interrupted`, or within `noted()` only notes the first."""

    def __init__(self) -> None:
        self.signum: int | None = None
        """The first signal that came; `None` so far."""
        self._noting = False
        self._before: dict[int, Any] = {}

    @property
    def came(self) -> bool:
        """Whether a signal came."""
        return self.signum is not None

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that a signal ended: 130 for SIGINT, 143 for SIGTERM; 0 without one."""
        return 0 if self.signum is None else 128 + self.signum

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Within, the first signal is only noted, for the work to look at in its own time; a second one raises."""
        self._noting = True
        try:
            yield
        finally:
            self._noting = False

    def __enter__(self) -> Self:
        self._before = {signum: signal.signal(signum, self._take) for signum in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _take(self, signum: int, _frame: FrameType | None) -> None:
        first, self.signum = not self.came, self.signum or signum
        if not (first and self._noting):
            raise Interrupted
