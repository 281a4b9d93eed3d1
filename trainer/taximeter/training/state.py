"""Where a training run stands: what the loop changes and the callbacks read."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from taximeter.training.evaluate import Evaluation


@dataclass(slots=True, kw_only=True)
class TrainState:
    """Epochs and steps count from 1; 0 is before the first."""

    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    """Over all epochs."""
    learning_rate: float = 0.0
    """Of the step that was just done."""
    loss: Tensor | None = None
    """Of the last step, detached, on the model's device."""
    correct: Tensor | None = None
    """Training images of this epoch that were classified correctly so far, on the model's device."""
    seen: int = 0
    """Training images of this epoch so far."""
    validation: Evaluation | None = None
    """At the end of the last epoch that was completed."""
    best_accuracy: float = 0.0
    """On the validation split."""
    stopped: bool = False
    """Whether the loop was asked to stop before its last epoch was done."""

    @property
    def train_accuracy(self) -> Tensor | None:
        """Of this epoch so far, 0 to 1, on the model's device: to read it waits for the device."""
        return None if self.correct is None or self.seen == 0 else self.correct / self.seen
