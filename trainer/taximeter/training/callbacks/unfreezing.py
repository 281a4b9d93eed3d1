"""Transfer learning: lets more stages of the model take part, epoch by epoch."""

from __future__ import annotations

from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.state import TrainState
from taximeter.training.models.freezing import Freezing


class Unfreezing(Callback):
    """Freezes what is not yet trained in an epoch. What it does follows from the epoch's number alone."""

    def __init__(self, freezing: Freezing) -> None:
        self._freezing = freezing

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._freezing.apply(state.epoch)
