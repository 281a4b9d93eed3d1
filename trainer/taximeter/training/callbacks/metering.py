"""Tells the meter where the training stands."""

from __future__ import annotations

from taximeter import Meter
from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.operations import count_operations
from taximeter.training.engine.parts import Parts
from taximeter.training.engine.state import TrainState


class Metering(Callback):
    """Logs epoch, learning rate, losses, gradient norm and bytes, and accuracies at the end of each epoch.

    Within an epoch the meter asks about once a second: a step pays nothing for it.

    `image` is the shape that the model takes, C×H×W: from it the operations of a step are counted once, without
    carrying them out.
    """

    def __init__(self, meter: Meter, parts: Parts, *, image: tuple[int, int, int]) -> None:
        self._meter = meter
        self._parts = parts
        self._image = image
        self._bytes_read = 0

    def train_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._meter.plan(epochs=state.epochs, steps=state.epochs * state.steps_per_epoch)
        count_operations(self._meter, self._parts, self._image)
        self._read_bytes()
        self._meter.each_second(lambda: self._tell(state))

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._meter.log(epoch=state.epoch)

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        self._meter.log(accuracy=state.train_accuracy)
        if state.validation is not None:
            self._meter.log(split="validation", loss=state.validation.loss, accuracy=state.validation.accuracy)
        self._read_bytes()

    def _tell(self, state: TrainState) -> None:
        if state.loss is not None:  # else there was no step yet
            self._meter.log(loss=state.loss, learning_rate=state.learning_rate, grad_norm=state.gradient_norm)
        self._read_bytes()

    def _read_bytes(self) -> None:
        so_far = self._parts.batches.bytes_read + self._parts.validation.bytes_read
        if so_far > self._bytes_read:
            self._meter.read_bytes(so_far - self._bytes_read)
            self._bytes_read = so_far
