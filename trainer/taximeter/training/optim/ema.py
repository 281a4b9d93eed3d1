"""A moving average of the weights, which is often better than the last weights are."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Ema:
    """Averages a model's weights and buffers exponentially, step by step.

    After t steps the decay is the smaller of `decay` and (1 + t) / (10 + t), as in TensorFlow's
    ExponentialMovingAverage: else a short run would end with an average that still is mostly its random beginning.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self._averaged = AveragedModel(model, multi_avg_fn=self._average, use_buffers=True)

    @property
    def model(self) -> nn.Module:
        """The averaged model, to be evaluated."""
        return self._averaged.module

    def update(self, model: nn.Module) -> None:
        """Take the weights after a step."""
        self._averaged.update_parameters(model)
        self._steps += 1

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: the average and how many steps it has seen."""
        return {"steps": self._steps, "averaged": self._averaged.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._steps = int(state["steps"])
        self._averaged.load_state_dict(state["averaged"])

    def _average(self, averaged: Any, current: Any, _count: Any) -> None:
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        if torch.is_floating_point(averaged[0]):
            get_ema_multi_avg_fn(decay)(averaged, current, _count)  # type: ignore[no-untyped-call]
        else:
            torch._foreach_copy_(averaged, current)  # counters, of which an average says nothing
