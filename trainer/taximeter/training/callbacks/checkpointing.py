"""Writes checkpoints while a training goes on, so that whatever ends it, little is lost."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from taximeter import Meter
from taximeter.metric_table import CHECKPOINT_FAILURES, CHECKPOINT_FAILURES_HELP, IDENTITY
from taximeter.training.callbacks.base import Callback
from taximeter.training.checkpoint.contents import Stateful, capture, size_bytes
from taximeter.training.checkpoint.file import encode
from taximeter.training.checkpoint.folder import CheckpointFolder
from taximeter.training.checkpoint.header import Header
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.state import TrainState

# Of a checkpoint that was not measured yet: what a slow disk of a cloud takes for it.
_FIXED_SECONDS = 0.1
_BYTES_PER_SECOND = 50e6
_COPIES = 3  # of the weights: themselves, and up to two averages of the optimiser

_RECENT = 5

_log = logging.getLogger("taximeter")


class Checkpointing(Callback):
    """Saves at the end of each epoch or every so many seconds, at each best accuracy, and where a run is stopped.

    A checkpoint that cannot be written, for instance because the disk is full, is counted and said, and the training
    goes on; the ones before it stay. `parts` is all whose state has to be kept, `about` the header but for where the
    training stands. Every rank takes the state of its parts at the same place, and the first one writes.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        ranks: Ranks,
        folder: CheckpointFolder,
        parts: Mapping[str, Stateful],
        about: Header,
        every: Literal["epoch"] | float,
        keep: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._meter = meter
        self._ranks = ranks
        self._folder = folder
        self._parts = parts
        self._about = about
        self._every = every
        self._keep = keep
        self._clock = clock
        self._saved: tuple[int, int] | None = None
        self._saved_at = clock()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._told: list[Callable[[float], None]] = []
        self.failures = 0
        """Checkpoints that could not be written."""
        if ranks.first:
            meter.registry.register(_Failures(self, run=about.run))

    def expected_seconds(self) -> float:
        """How long the next checkpoint takes at most, by the recent ones, or else by the size of the model."""
        if self._recent:
            return max(self._recent)
        weights = capture({name: self._parts[name] for name in ("model", "ema") if name in self._parts})
        return _FIXED_SECONDS + _COPIES * size_bytes(weights) / _BYTES_PER_SECOND

    def tell(self, seconds: Callable[[float], None]) -> None:
        """Have this called after each checkpoint, with what it took."""
        self._told.append(seconds)

    def due(self, state: TrainState) -> bool:
        """Whether a checkpoint is about to be written at this place, after a step or after an epoch."""
        if state.steps_in_epoch == 0:
            return self._every == "epoch" or state.best_epoch == state.epoch or self._time_is_up()
        # The end of the epoch is so near that it is better to save there.
        return state.steps_in_epoch < state.steps_per_epoch and self._time_is_up()

    def train_begin(self, state: TrainState) -> None:
        """See `Callback`. What was resumed from need not be saved again."""
        self._saved = _place(state)
        self._saved_at = self._clock()

    def step_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._every != "epoch" and self._ranks.same(self.due(state)):
            self._save(state)

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._ranks.same(self.due(state)):
            self._save(state)

    def train_stop(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._ranks.same(self._saved != _place(state)):
            self._save(state)

    def _time_is_up(self) -> bool:
        return self._every != "epoch" and self._clock() - self._saved_at >= self._every

    def _save(self, state: TrainState) -> None:
        state.check_finite()
        with self._meter.phase("checkpoint"):
            began = self._clock()
            contents = capture(self._parts)
            if self._ranks.first:
                self._write(encode(self._header(state), contents), state)
            self._saved_at = self._clock()
        self._recent.append(self._saved_at - began)
        for tell in self._told:
            tell(self._recent[-1])

    def _write(self, data: memoryview, state: TrainState) -> None:
        best = state.steps_in_epoch == 0 and state.best_epoch == state.epoch
        try:
            self._folder.save(data, step=state.step, best=best, keep=self._keep)
        except OSError as wrong:
            self.failures += 1
            kept = next(iter(self._folder.checkpoints()), None)
            _log.warning(
                "the checkpoint of step %d could not be written (%s; %d so far): training goes on, %s",
                state.step,
                wrong.strerror or wrong,
                self.failures,
                "and there is none yet" if kept is None else f"the last one is {kept}",
            )
        else:
            self._saved = _place(state)

    def _header(self, state: TrainState) -> Header:
        return replace(
            self._about,
            epoch=state.epochs_done,
            step=state.step,
            accuracy=state.best_accuracy if state.best_epoch else None,
            stop=state.stop,
            written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )


class _Failures(Collector):
    """The number of checkpoints that could not be written, beside the meter's metrics."""

    def __init__(self, checkpointing: Checkpointing, *, run: str) -> None:
        self._checkpointing = checkpointing
        self._run = run

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(CHECKPOINT_FAILURES, CHECKPOINT_FAILURES_HELP, labels=IDENTITY)
        family.add_metric((self._run, "0"), self._checkpointing.failures)
        yield family


def _place(state: TrainState) -> tuple[int, int]:
    """What tells two places of a training apart: an epoch's end is before its evaluation or after it."""
    return state.step, state.epochs_done
