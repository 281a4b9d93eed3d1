"""Profiles some steps of a training."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import torch
from tqdm import tqdm

from taximeter import Meter
from taximeter.phases import Phase
from taximeter.training.callbacks.base import Callback
from taximeter.training.checkpoint.file import write
from taximeter.training.engine.state import TrainState
from taximeter.training.profile.recorder import Recorder, wait_for
from taximeter.training.profile.steps import StepRange
from taximeter.training.profile.summary import Summary, listed, phase_shares
from taximeter.training.profile.table import table

TRACE = "trace.json.gz"
SUMMARY = "summary.json"

EXPECTED_SECONDS = 10.0
"""What a budget must leave beside the steps, for starting the profiler and writing what it recorded."""

_BEFORE = 20

_log = logging.getLogger("taximeter")


class Profiling(Callback):
    """Records the steps that are asked for, shows where their time went, and writes that and a trace.

    The profiler is on for these steps only, and never beyond the end of an epoch, so that evaluation and checkpoint
    are not in it. What it does besides is in the phase `other`. Whatever it raises is said, and the training goes on.
    To be used on one rank.
    """

    def __init__(
        self,
        meter: Meter,
        steps: StepRange,
        *,
        device: torch.device,
        folder: Path | None,
        stream: TextIO,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`folder` is where to write; `None`: nothing is written."""
        self._meter = meter
        self._steps = steps
        self._device = device
        self._folder = folder
        self._stream = stream
        self._clock = clock
        self._recorder: Recorder | None = None
        self._over = False
        self._first = 0
        self._began = 0.0
        self._phases: Mapping[Phase, int] = {}
        self._seconds = 0.0
        self._step_began: float | None = None
        self._before: deque[float] = deque(maxlen=_BEFORE)

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._step_began = None
        self._maybe_begin(state)

    def step_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._over:
            return
        if self._recorder is None:
            now = self._clock()
            if self._step_began is not None:
                self._before.append(now - self._step_began)
            self._step_began = now
            if state.steps_in_epoch < state.steps_per_epoch:
                self._maybe_begin(state)
        elif state.step >= self._steps.last or state.steps_in_epoch >= state.steps_per_epoch:
            self._end(state)

    def train_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._recorder is not None and state.step >= self._first:
            self._end(state)
        elif self._recorder is not None:
            self._recorder.stop()
        elif not self._over:
            self._say(f"--profile-steps {self._steps}: the training did not come to these steps")
        self._over, self._recorder = True, None

    def _maybe_begin(self, state: TrainState) -> None:
        if self._over or state.step + 1 not in self._steps:
            return
        if not self._meter.affords(EXPECTED_SECONDS):
            self._over = True
            self._say(f"--profile-steps {self._steps}: the budget leaves no time for it")
            return
        wait_for(self._device)
        with self._meter.phase("other"):
            asked = self._clock()
            try:
                self._recorder = Recorder(self._device)
            except Exception as wrong:  # whatever the profiler raises must not end the training
                self._give_up(wrong)
                return
            self._first = state.step + 1
            self._phases = self._meter.done.phases_ns
            self._began = self._clock()
            self._seconds = self._began - asked

    def _end(self, state: TrainState) -> None:
        recorder, self._recorder, self._over = self._recorder, None, True
        assert recorder is not None  # noqa: S101
        wait_for(self._device)
        with self._meter.phase("other"):
            passed = self._clock() - self._began
            after = self._meter.done.phases_ns
            try:
                recorder.stop()
                summary = self._summarise(recorder, StepRange(self._first, state.step), passed, after)
                self._say(f"{table(summary)}{self._write(summary)}")
            except Exception as wrong:  # whatever the profiler or the disk raises must not end the training
                self._give_up(wrong)

    def _summarise(self, recorder: Recorder, steps: StepRange, seconds: float, after: Mapping[Phase, int]) -> Summary:
        operators = recorder.operators()
        if self._folder is not None:
            recorder.write(self._folder / TRACE)
        price, on_gpu = self._meter.cost_per_hour, self._device.type == "cuda"
        named, others = listed(operators, on_gpu=on_gpu, seconds=seconds, cost_per_hour=price)
        passed = {phase: now - self._phases.get(phase, 0) for phase, now in after.items()}
        passed["other"] = 0  # the profiler itself
        return Summary(
            run=self._meter.run,
            steps=steps,
            device=torch.cuda.get_device_name(self._device) if on_gpu else "the CPU",
            on_gpu=on_gpu,
            seconds=seconds,
            seconds_per_step_before=sum(self._before) / len(self._before) if self._before else None,
            cost_per_hour=price,
            simulated=self._meter.simulated,
            phases=phase_shares(passed, seconds=seconds, cost_per_hour=price),
            operators=named,
            other_operators=others,
            cpu_seconds=sum(each.cpu_seconds for each in operators),
            device_seconds=sum(each.device_seconds for each in operators),
            profiling_seconds=self._seconds + self._clock() - self._began - seconds,
        )

    def _write(self, summary: Summary) -> str:
        """Returns what to say of it."""
        if self._folder is None:
            return ""
        write(self._folder / SUMMARY, f"{json.dumps(summary.to_json(), indent=2)}\n".encode())
        return f"\n  {self._folder / TRACE}: to be opened in ui.perfetto.dev or chrome://tracing"

    def _give_up(self, wrong: Exception) -> None:
        self._over = True
        _log.warning("--profile-steps %s: %s; the training goes on", self._steps, str(wrong) or repr(wrong))

    def _say(self, text: str) -> None:
        tqdm.write(text, file=self._stream)  # above the progress bar, if there is one
