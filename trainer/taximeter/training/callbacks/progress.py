"""Shows a person how far the training is, how good, and what it has cost."""

from __future__ import annotations

import time
from typing import TextIO

from tqdm import tqdm

from taximeter import Meter
from taximeter.bill import show
from taximeter.training.callbacks.base import Callback
from taximeter.training.engine.state import TrainState

_REFRESH_SECONDS = 0.25


class Progress(Callback):
    """A progress bar on a terminal; elsewhere, where a bar would be a jumble, a line for each epoch.

    Reads the loss from the device a few times a second while it shows a bar, and never otherwise.
    """

    def __init__(self, meter: Meter, stream: TextIO) -> None:
        self._meter = meter
        self._stream = stream
        self._terminal = stream.isatty()
        self._bar: tqdm[None] | None = None
        self._refresh_at = 0.0

    def train_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._terminal:
            total = state.epochs * state.steps_per_epoch
            self._bar = tqdm(
                total=total, initial=state.step, unit="step", file=self._stream, mininterval=_REFRESH_SECONDS
            )

    def step_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._bar is None:
            return
        self._bar.update()
        now = time.monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH_SECONDS
            self._bar.set_description(f"epoch {state.epoch}/{state.epochs}", refresh=False)
            self._bar.set_postfix_str(self._standing(state), refresh=False)

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._bar is None:
            self._stream.write(f"epoch {state.epoch}/{state.epochs}: {self._standing(state)}\n")
            self._stream.flush()

    def train_end(self, state: TrainState) -> None:
        """See `Callback`."""
        if self._bar is not None:
            self._bar.set_postfix_str(self._standing(state), refresh=False)
            self._bar.close()

    def _standing(self, state: TrainState) -> str:
        parts = []
        if state.loss is not None:
            parts.append(f"loss {state.loss.item():.3f}")
        if state.validation is not None:
            parts.append(f"accuracy {state.validation.accuracy:.1%}")
        parts.append(f"cost {show(self._meter.cost())}{' (simulated)' if self._meter.simulated else ''}")
        if state.forecast is not None:
            parts.append(state.forecast)
        return ", ".join(parts)
