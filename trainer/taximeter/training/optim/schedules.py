"""The learning rate from the first step to the last."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

from taximeter.training.config import ConfigError
from taximeter.training.config.schema import OptimConfig


def build_schedule(config: OptimConfig, optimizer: Optimizer, *, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """The configured schedule, which is to be advanced after each step; each group's own rate is the highest.

    `warmup_epochs` rise in a straight line from almost nothing, and are followed by the schedule over what is left.
    One-cycle has none: it begins with a rise of its own, over 3 steps of 10.

    Raises `ConfigError` if the warm-up leaves no step to the schedule.
    """
    steps = epochs * steps_per_epoch
    warmup = round(config.warmup_epochs * steps_per_epoch)
    if warmup >= steps:
        raise ConfigError(
            "warmup_epochs", f"{config.warmup_epochs:g} leaves nothing of {epochs} epochs: fewer than that"
        )
    if config.schedule == "one-cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, rates, steps)
    # Made first, while the rates are still the highest: each schedule sets them to those of its beginning.
    if not warmup:
        return _after_warmup(config, optimizer, steps, steps_per_epoch)
    rise = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
    rest = _after_warmup(config, optimizer, steps - warmup, steps_per_epoch)
    return SequentialLR(optimizer, [rise, rest], milestones=[warmup])


def _after_warmup(config: OptimConfig, optimizer: Optimizer, steps: int, steps_per_epoch: int) -> LRScheduler:
    match config.schedule:
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=steps)
        case "step":
            return StepLR(optimizer, config.step_epochs * steps_per_epoch, config.step_factor)
        case _:
            return ConstantLR(optimizer, factor=1.0, total_iters=0)
