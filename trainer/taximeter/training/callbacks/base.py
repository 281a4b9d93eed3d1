"""The moments of the training loop at which something else may happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from taximeter.training.engine.state import TrainState

Event = Literal["train_begin", "epoch_begin", "step_look", "step_end", "epoch_end", "train_stop", "train_end"]
EVENTS: tuple[Event, ...] = get_args(Event)


class Callback:
    """Something that happens at moments of the loop: override what is of interest. See `loop.train` for the order."""

    def train_begin(self, state: TrainState) -> None:
        """Before the first epoch."""

    def epoch_begin(self, state: TrainState) -> None:
        """`state.epoch` is the one that begins, or goes on from a checkpoint; the model is in training mode."""

    def step_look(self, state: TrainState) -> None:
        """After a step, before `step_end`, once the moment `state.pace.look_at` has come; must not wait either."""

    def step_end(self, state: TrainState) -> None:
        """After each step; must not wait for the device."""

    def epoch_end(self, state: TrainState) -> None:
        """After an epoch's evaluation; not for an epoch that was stopped. The weights are known to be finite."""

    def train_stop(self, state: TrainState) -> None:
        """Once all ranks know `state.stop`, at the same place on all, unless something failed; then `train_end`."""

    def train_end(self, state: TrainState) -> None:
        """After the last epoch, and also when the loop was stopped or failed."""


class Hooks:
    """Calls the callbacks, each only at the moments it overrides: one that does nothing costs a step nothing."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._hooks = {
            event: [
                getattr(callback, event)
                for callback in callbacks
                if getattr(type(callback), event) is not getattr(Callback, event)
            ]
            for event in EVENTS
        }

    def call(self, event: Event, state: TrainState) -> None:
        """In the callbacks' order."""
        for hook in self._hooks[event]:
            hook(state)
