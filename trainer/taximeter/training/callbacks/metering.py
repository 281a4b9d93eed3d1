"""Tells the meter where the training stands."""

from __future__ import annotations

from taximeter import Meter
from taximeter.training.callbacks.base import Callback
from taximeter.training.state import TrainState


class Metering(Callback):
    """Logs epoch, learning rate and losses, and accuracies at the end of each epoch."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._meter.log(epoch=state.epoch)

    def step_end(self, state: TrainState) -> None:
        """See `Callback`."""
        self._meter.log(loss=state.loss, learning_rate=state.learning_rate)

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        self._meter.log(accuracy=state.train_accuracy)
        if state.validation is not None:
            self._meter.log(split="validation", loss=state.validation.loss, accuracy=state.validation.accuracy)
