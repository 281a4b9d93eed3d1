"""Follows a trial from epoch to epoch, and ends one that cannot be the best any more."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.state import TrainState


class Watching(Callback):
    """Asks after each epoch whether the trial is to go on."""

    def __init__(
        self,
        *,
        hopeless: Callable[[int, float], bool],
        cost: Callable[[], Decimal | None],
        at_most: Decimal | None,
    ) -> None:
        """`hopeless` is told the epoch and its accuracy, and says whether others were better at that point.

        `at_most` is what the target has cost at best so far: a trial that has cost as much cannot be cheaper.
        """
        self._hopeless = hopeless
        self._cost = cost
        self._at_most = at_most
        self.pruned = False
        """Whether this ended the trial."""

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if state.stop is not None or state.validation is None or state.epochs_done >= state.epochs:
            return
        hopeless = self._hopeless(state.epochs_done, state.validation.accuracy)
        if hopeless or self._too_expensive():
            self.pruned = True
            state.stop = "early"

    def _too_expensive(self) -> bool:
        cost = None if self._at_most is None else self._cost()
        return cost is not None and self._at_most is not None and cost >= self._at_most
