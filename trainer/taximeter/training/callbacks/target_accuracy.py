"""Ends a training that is good enough."""

from __future__ import annotations

from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.state import TrainState


class TargetAccuracy(Callback):
    """Stops once the validation accuracy, 0 to 1, is at least `target`."""

    def __init__(self, target: float) -> None:
        self._target = target

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if state.stop is None and state.validation is not None and state.validation.accuracy >= self._target:
            state.stop = "target"
