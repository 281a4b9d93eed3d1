"""Child processes that end with us: all of them, with their own children, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from demo.interrupts import Interrupts
from demo.web import answers

TERM_SECONDS = 20.0
"""For all of them together to end as they were asked to; the training may have a batch to finish first."""
SHORTEST_TERM_SECONDS = 1.0
TAIL_LINES = 15
_TETHER = Path(__file__).with_name("tether.py")


class EndedEarly(Exception):
    """A process that should have gone on has ended. Says which and with what status; `tail` is the end of its log."""

    def __init__(self, reason: str, tail: str) -> None:
        super().__init__(reason)
        self.tail = tail


class Process:
    """One child, leader of a session and a process group of its own, so that a Ctrl-C in the terminal is not its own.

    `log` gets its output; without one it writes where we do. `env` is its whole environment, by default ours. On Linux
    it also ends when we are killed outright.
    """

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        words = [str(word) for word in command]
        if sys.platform == "linux":
            words = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *words]
        output = log.open("wb") if log else None
        try:
            self._popen = subprocess.Popen(  # noqa: S603 (the commands are our own)
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=env,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._popen.pid

    def status(self) -> int | None:
        """The exit status (negative: the signal that ended it), `None` while it runs.

        What it leaves behind in its group is ended as soon as its end is seen.
        """
        if self._popen.returncode is None and self._popen.poll() is not None:
            self._kill_group()
        return self._popen.returncode

    def check(self) -> None:
        """Raises `EndedEarly` if it has ended."""
        status = self.status()
        if status is not None:
            raise EndedEarly(f"{self.name} ended with status {status}", self._tail())

    def stop(self, *, seconds: float = TERM_SECONDS) -> None:
        """SIGTERM to the process itself, which may end its own children; after `seconds` SIGKILL to them all."""
        if self.status() is None:
            self._popen.terminate()
        deadline = time.monotonic() + seconds
        while self.status() is None:
            if time.monotonic() > deadline:
                self._kill_group()
                self._popen.wait()
                return
            time.sleep(0.02)

    def _kill_group(self) -> None:
        # A group keeps its number from being given away while it has a member, so this meets our own or nobody.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _tail(self) -> str:
        if self.log is None:
            return ""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"{self.log} ends with:", *(f"    {line}" for line in lines)])


class Processes(AbstractContextManager["Processes"]):
    """The children of one program; leaving the context ends them all, the youngest first.

    One after the other, for a younger one may need an older one to end in order: a run is ended at the exporter.
    """

    def __init__(self) -> None:
        self._started: list[Process] = []

    def start(
        self, name: str, command: Sequence[str | Path], *, log: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a child. That it cannot be run is seen by its ending at once."""
        process = Process(name, command, log=log, env=env)
        self._started.append(process)
        return process

    def serve(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        ready_url: str,
        log: Path,
        interrupts: Interrupts,
        seconds: float,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a child and wait until an address of its own answers.

        Raises `EndedEarly`, `TookTooLong` or `Interrupted`.
        """
        process = self.start(name, command, log=log, env=env)

        def ready() -> bool:
            process.check()
            return answers(ready_url)

        interrupts.wait_until(ready, seconds=seconds, what=f"{name} ({ready_url})")
        return process

    def run(
        self, name: str, command: Sequence[str | Path], *, log: Path, interrupts: Interrupts, seconds: float
    ) -> int:
        """Run a child to its end and give its exit status.

        Raises `TookTooLong` or `Interrupted`; it has ended then too.
        """
        process = self.start(name, command, log=log)
        try:
            interrupts.wait_until(lambda: process.status() is not None, seconds=seconds, what=name)
        finally:
            process.stop()
            self._started.remove(process)
        status = process.status()
        assert status is not None  # noqa: S101 (it was stopped above)
        return status

    def check(self, *processes: Process) -> None:
        """Raises `EndedEarly` for the first of these that has ended."""
        for process in processes:
            process.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + TERM_SECONDS
        for process in reversed(self._started):
            process.stop(seconds=max(SHORTEST_TERM_SECONDS, deadline - time.monotonic()))
