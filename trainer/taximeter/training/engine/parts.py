"""Everything that a training run is put together from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from taximeter.training.checkpoint.contents import Stateful
from taximeter.training.data.batches import Batches
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.oom import MicroBatches
from taximeter.training.engine.precision import Precision
from taximeter.training.optim.ema import Ema


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is trained, by what, on what."""

    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    """The model itself, or the model compiled, which shares its weights."""
    optimizer: Optimizer
    schedule: LRScheduler
    precision: Precision
    micro_batches: MicroBatches
    ema: Ema | None
    batches: Batches
    batch_size: int
    """Images of each of this rank's training batches."""
    validation: Batches
    ranks: Ranks

    @property
    def judged(self) -> nn.Module:
        """The model that is evaluated: the average of the weights where there is one. Never compiled."""
        return self.model if self.ema is None else self.ema.model

    def stateful(self) -> dict[str, Stateful]:
        """By the names that a checkpoint has for them, all whose state it must keep; in the order to restore them."""
        parts: dict[str, Stateful] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "precision": self.precision,
            "micro_batches": self.micro_batches,
            "batches": self.batches,
        }
        return parts if self.ema is None else parts | {"ema": self.ema}
