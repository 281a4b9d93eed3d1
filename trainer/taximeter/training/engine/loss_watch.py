"""Finds a loss that is no number any more, without ever waiting for the device."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from taximeter.training.engine.state import TrainState

_SECONDS = 1.0


class LossWatch:
    """On the CPU looks at each loss. On a GPU sends one about once a second, and looks at it when it has arrived."""

    def __init__(self) -> None:
        self._under_way: tuple[Tensor, torch.cuda.Event] | None = None
        self._send_at = 0.0

    def look(self, state: TrainState) -> None:
        """To be called after each step. Raises `NotFinite`."""
        if state.loss is None:
            return
        if state.loss.is_cpu:
            state.check_finite()
        elif self._under_way is not None:
            copy, arrived = self._under_way
            if arrived.query():  # type: ignore[no-untyped-call]
                self._under_way = None
                if not bool(torch.isfinite(copy)):
                    state.check_finite()
        elif time.monotonic() >= self._send_at:
            self._send_at = time.monotonic() + _SECONDS
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copy = state.loss.to("cpu", non_blocking=True)
            arrived.record()
            self._under_way = copy, arrived
