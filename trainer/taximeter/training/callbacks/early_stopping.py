"""Ends a training that gets no better."""

from __future__ import annotations

from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.state import TrainState


class EarlyStopping(Callback):
    """Stops after `patience` epochs in a row without a better validation accuracy than the best."""

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if state.stop is None and state.epoch - state.best_epoch >= self._patience:
            state.stop = "early"
