"""A program that is metered from outside, whatever it is: started, told what comes, stopped by the budget."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from taximeter.budget import Budget

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
# How often the budget is looked at. An exporter's price can change at any time; one by hand does not.
_LOOK_SECONDS = 0.2
# Without a budget, how late a signal is passed on at worst.
_SIGNAL_SECONDS = 1.0
# What killing a program may take, so that the bill stays below the budget.
_KILL_SECONDS = 0.1


class Watched:
    """Carries out a program to its end.

    Signals are passed on to it. With a budget it is sent SIGTERM when what is left pays for `grace_seconds` more, and
    killed when nothing is left. To be used in the main thread.
    """

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, budget: Budget | None, grace_seconds: float
    ) -> None:
        self._command = command
        self._environ = environ
        self._budget = budget
        self._grace_seconds = grace_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._came: list[int] = []
        self.stopped = False
        """Whether it was told to end: a signal came, and was passed on."""
        self.out_of_budget = False
        """Whether it was ended because of the budget."""

    def run(self) -> int:
        """Returns its exit status, 128 + n if signal n ended it. Raises `OSError` if it cannot be started."""
        before = {signum: signal.signal(signum, self._take) for signum in _FORWARDED}
        try:
            self._process = subprocess.Popen(self._command, env=dict(self._environ))  # noqa: S603  what was asked for
            for signum in self._came:
                self._pass_on(signum)
            status = self._watch(self._process)
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)
        return 128 - status if status < 0 else status

    def _watch(self, process: subprocess.Popen[bytes]) -> int:
        ended = threading.Event()

        def wait() -> None:
            process.wait()
            ended.set()

        threading.Thread(target=wait, name="taximeter-wait", daemon=True).start()
        # Never for ever: the kernel may give a signal to another thread, which does not wake this one.
        while not ended.wait(_SIGNAL_SECONDS if self._budget is None else self._keep_budget(process, self._budget)):
            pass
        return process.returncode

    def _keep_budget(self, process: subprocess.Popen[bytes], budget: Budget) -> float:
        """Returns in how many seconds to look again."""
        left = budget.seconds_left()
        if left is None:
            return _LOOK_SECONDS
        if left <= _KILL_SECONDS:
            process.kill()
        elif left <= self._grace_seconds and not self.out_of_budget:
            sys.stderr.write("taximeter: the budget is spent but for the time to end: SIGTERM\n")
            process.send_signal(signal.SIGTERM)
        self.out_of_budget |= left <= max(self._grace_seconds, _KILL_SECONDS)
        until = left - (_KILL_SECONDS if self.out_of_budget else max(self._grace_seconds, _KILL_SECONDS))
        return min(_LOOK_SECONDS, max(until, 0.01))

    def _take(self, signum: int, _frame: FrameType | None) -> None:
        self.stopped |= signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if self._process is None:
            self._came.append(signum)
        else:
            self._pass_on(signum)

    def _pass_on(self, signum: int) -> None:
        # What the terminal sends, such as Ctrl-C, it sends to the program as well.
        if self._process is not None and not (signum == signal.SIGINT and _in_the_foreground()):
            self._process.send_signal(signum)


def _in_the_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


def environment(before: Mapping[str, str], **named: Any) -> dict[str, str]:
    """The variables for a program, so that a meter in it belongs to the same run; what is `None` is left as it was."""
    return {**before, **{f"TAXIMETER_{name}": str(value) for name, value in named.items() if value is not None}}
