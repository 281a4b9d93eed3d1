"""Where a training run stands: what the loop changes and the callbacks read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from taximeter.training.engine.pace import Pace
from taximeter.training.errors import NotFinite
from taximeter.training.evaluation.result import Evaluation

StopReason = Literal["interrupted", "budget", "early", "target"]
"""A signal; the budget; no improvement for long enough; the accuracy that was asked for."""


@dataclass(slots=True, kw_only=True)
class TrainState:
    """Epochs and steps count from 1; 0 is before the first."""

    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    """The one that is going on, or ended last."""
    epochs_done: int = 0
    """To their end, with their evaluation."""
    step: int = 0
    """Over all epochs: optimiser steps that were done."""
    steps_before: int = 0
    """Steps of the epochs that are done."""
    learning_rate: float = 0.0
    """Of the step that was just done."""
    loss: Tensor | None = None
    """Of the last step, detached, on the model's device: the mean over this rank's images."""
    gradient_norm: Tensor | None = None
    """Of the last step in which it was measured, on the model's device, before it was clipped."""
    correct: Tensor | None = None
    """Training images of this epoch that were classified correctly so far, on the model's device; of this rank."""
    seen: int = 0
    """Training images of this epoch so far, of this rank."""
    skipped: Tensor | None = None
    """Steps of this epoch that the gradient scaler of fp16 left out, on the model's device; `None` without one."""
    validation: Evaluation | None = None
    """At the end of the last epoch that was completed, over all ranks."""
    best_accuracy: float = 0.0
    """On the validation split."""
    best_epoch: int = 0
    """The epoch that reached it first; 0: none was evaluated yet."""
    best: Evaluation | None = None
    """What that epoch's evaluation gave."""
    forecast: str | None = None
    """How far the budget reaches, for a person; `None` without one, or while that cannot be told."""
    pace: Pace = field(default_factory=Pace)
    stop: StopReason | None = None
    """Why the loop is to end before its last epoch. Set by callbacks; what rank 0 says holds for all."""

    @property
    def train_accuracy(self) -> Tensor | None:
        """Of this epoch so far, 0 to 1, on the model's device: to read it waits for the device."""
        return None if self.correct is None or self.seen == 0 else self.correct / self.seen

    @property
    def steps_in_epoch(self) -> int:
        """Steps of the epoch after those that are done."""
        return self.step - self.steps_before

    def begin_epoch(self, epoch: int) -> None:
        """Count the epoch's images anew, unless it goes on from a checkpoint."""
        self.epoch = epoch
        if self.steps_in_epoch == 0:
            self.correct, self.seen, self.skipped = None, 0, None

    def complete_epoch(self, validation: Evaluation) -> None:
        """The epoch was trained and evaluated to its end."""
        self.validation = validation
        self.epochs_done = self.epoch
        self.steps_before = self.step
        if validation.accuracy > self.best_accuracy or self.best_epoch == 0:
            self.best_accuracy, self.best_epoch = validation.accuracy, self.epoch
            self.best = validation

    def check_finite(self) -> None:
        """Raise `NotFinite` if the last loss is no number any more; waits for the device.

        To be asked before the weights are kept anywhere: the loop itself looks less often. With a gradient scaler a
        single loss may overflow, whose step is then left out; only when every step of the epoch was is it an error.
        """
        if self.loss is None or bool(torch.isfinite(self.loss)):
            return
        if self.skipped is not None and int(self.skipped) < self.steps_in_epoch:
            return
        raise NotFinite(f"epoch {self.epoch}, step {self.step}: the loss is {self.loss.item()}")

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint. `correct` is read from the device."""
        validation = self.validation
        return {
            "epochs_done": self.epochs_done,
            "step": self.step,
            "steps_before": self.steps_before,
            "correct": None if self.correct is None else int(self.correct),
            "seen": self.seen,
            "skipped": None if self.skipped is None else int(self.skipped),
            "validation": None if validation is None else [validation.loss, validation.accuracy],
            "best_accuracy": self.best_accuracy,
            "best_epoch": self.best_epoch,
            "best": None if self.best is None else self.best.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; the reason for which it had stopped is not one to stop again."""
        self.epochs_done = self.epoch = int(state["epochs_done"])
        self.step = int(state["step"])
        self.steps_before = int(state["steps_before"])
        self.correct = None if state["correct"] is None else torch.tensor(float(state["correct"]))
        self.seen = int(state["seen"])
        self.skipped = None if state["skipped"] is None else torch.tensor(float(state["skipped"]))
        loss, accuracy = state["validation"] or (0.0, 0.0)
        self.validation = None if state["validation"] is None else Evaluation(loss=loss, accuracy=accuracy)
        self.best_accuracy = float(state["best_accuracy"])
        self.best_epoch = int(state["best_epoch"])
        best = state.get("best")  # not in checkpoints of older versions
        self.best = None if best is None else Evaluation.of_state(best)
