"""`taximeter train` again and again, each time in a process of its own that may be killed.

A program: reads a line of JSON for each run, its arguments and a file for what it says; answers with the process's
number, and at its end with its exit status. torch is imported once, and the processes are forked from here. Each writes
a byte to the file descriptor that the program is given for each step, evaluation and checkpoint that it does.

With `work_clock` the meter's clock is moved by the work alone, so that the same work costs the same: a step takes 1 s,
an evaluation 5 s and a checkpoint 2 s. With `sigterm_in`, SIGTERM comes in the midst of the first step, evaluation or
checkpoint. `full_for` says for which checkpoints, counted from 1, there is no room: the system itself refuses to write.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from taximeter import cli
from taximeter import meter as meter_module
from taximeter.meter import Meter
from taximeter.training import cli as train_cli
from taximeter.training import keeping, metered, run
from taximeter.training.callbacks import checkpointing
from taximeter.training.engine import loop
from taximeter.training.engine.step import TrainStep

STEP_NS, EVALUATION_NS, CHECKPOINT_NS = 1_000_000_000, 5_000_000_000, 2_000_000_000
PRELOADED = (keeping, run)

_JOURNAL_SECONDS = 0.005  # the runs are short
_LITTLE_ROOM = 20_000  # bytes: for the journal, not for a checkpoint


class WorkClock:
    """Stands in for the meter's clock."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class Works:
    """Changes the pieces of work of this process."""

    def __init__(self, clock: WorkClock, *, sigterm_in: str | None, full_for: list[int]) -> None:
        self._clock = clock
        self._sigterm_in = sigterm_in
        self._full_for = full_for
        self._count = {"step": 0, "evaluation": 0, "checkpoint": 0}

    def change(self, name: str, nanoseconds: int, work: Callable[..., Any]) -> Callable[..., Any]:
        """Work that takes so long, is told when it is done, and is disturbed if it is to be."""

        def changed(*arguments: Any, **options: Any) -> Any:
            self._count[name] += 1
            if self._sigterm_in == name:
                self._sigterm_in = None
                os.kill(os.getpid(), signal.SIGTERM)
            if name == "checkpoint":
                room = _LITTLE_ROOM if self._count[name] in self._full_for else resource.RLIM_INFINITY
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            done = work(*arguments, **options)
            self._clock.now += nanoseconds
            os.write(int(sys.argv[1]), b".")
            return done

        return changed


def carry_out(
    arguments: list[str],
    said: str,
    *,
    work_clock: bool = False,
    sigterm_in: str | None = None,
    full_for: list[int] | None = None,
) -> int:
    """The exit status."""
    sys.stdout = sys.stderr = Path(said).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 (the process ends)
    clock = WorkClock()
    works = Works(clock, sigterm_in=sigterm_in, full_for=full_for or [])
    learn = works.change("step", STEP_NS, TrainStep.forward_backward)
    TrainStep.forward_backward = learn  # type: ignore[method-assign]
    loop.evaluate = works.change("evaluation", EVALUATION_NS, loop.evaluate)  # type: ignore[attr-defined]
    encode = works.change("checkpoint", CHECKPOINT_NS, checkpointing.encode)  # type: ignore[attr-defined]
    checkpointing.encode = encode  # type: ignore[attr-defined]
    if work_clock:
        metered.Meter = partial(Meter, clock=clock)  # type: ignore[assignment, attr-defined]
    train_cli._LAST_SCRAPE_SECONDS = train_cli._LAST_SCRAPE_SECONDS_WHEN_STOPPED = 0.0
    meter_module._JOURNAL_SECONDS = meter_module._MONEY_JOURNAL_SECONDS = _JOURNAL_SECONDS
    try:
        return cli.main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


def main() -> None:
    """Until the input ends."""
    torch.set_num_threads(1)
    for line in sys.stdin:
        task = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = carry_out(**task)
            finally:
                os._exit(status)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, ended = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
