"""Transfer learning: lets more stages of the model take part, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable

from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.state import TrainState
from taximeter.training.models.freezing import Freezing


class Unfreezing(Callback):
    """Freezes what is not yet trained in an epoch. What it does follows from the epoch's number alone.

    `changed` is called each time other stages are trained than before: then a step takes other operations.
    """

    def __init__(self, freezing: Freezing, changed: Callable[[], object]) -> None:
        self._freezing = freezing
        self._changed = changed
        self._trained = 0

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._freezing.apply(state.epoch)
        trained = self._freezing.trained_stages(state.epoch)
        if trained != self._trained:
            self._trained = trained
            self._changed()
