"""The optimisers, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from torch.optim import SGD, Adam, AdamW, Optimizer

from taximeter.training.config.schema import OptimConfig
from taximeter.training.optim.decay import ParameterGroup


def build_optimizer(config: OptimConfig, groups: Sequence[ParameterGroup]) -> Optimizer:
    """The configured optimiser over these groups, each with a rate and a decay of its own.

    Always the fused implementation: one pass over the weights instead of one for each operation, and with a gradient
    scaler the device itself skips a step whose gradients are not finite, so that nobody waits to be told.
    """
    parameters = cast("list[dict[str, Any]]", list(groups))
    match config.optimizer:
        case "sgd":
            nesterov = config.momentum > 0
            return SGD(parameters, config.learning_rate, config.momentum, nesterov=nesterov, fused=True)
        case "adam":
            return Adam(parameters, config.learning_rate, fused=True)
        case "adamw":
            return AdamW(parameters, config.learning_rate, fused=True)
