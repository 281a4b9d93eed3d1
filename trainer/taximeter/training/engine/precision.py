"""In which numbers the network reckons: all of float32, or a shorter format where that does no harm."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor
from torch.amp import GradScaler, autocast
from torch.optim import Optimizer

PrecisionName = Literal["fp32", "bf16", "fp16"]

_SHORT: dict[PrecisionName, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Mixed precision: weights stay float32, and the forward pass takes bf16 or fp16 where torch's autocast says so.

    fp16 cannot show small gradients (below 6e-8), so the loss is scaled up before the backward pass and the gradients
    down after it; a step whose gradients overflow is left out, and the scale halved. The other two need no scaler.
    """

    def __init__(self, name: PrecisionName, device: torch.device) -> None:
        self.name = name
        self._device = device.type
        self._dtype = _SHORT.get(name)
        self._scaler = GradScaler(device.type) if name == "fp16" else None

    @property
    def scales(self) -> bool:
        """Whether there is a gradient scaler, which may leave out a step."""
        return self._scaler is not None

    def autocast(self) -> AbstractContextManager[Any]:
        """For the forward pass and the loss; the backward pass follows it without."""
        return nullcontext() if self._dtype is None else autocast(self._device, dtype=self._dtype)

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients, scaled if need be, to what is there."""
        scaled = loss if self._scaler is None else self._scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: Optimizer) -> None:
        """Make the gradients those of the loss itself; once a step, and not before all of them are there."""
        if self._scaler is not None:
            self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        """Change the weights, unless a gradient overflowed."""
        if self._scaler is None:
            optimizer.step()
            return
        self._scaler.step(optimizer)
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The scaler's, for a checkpoint; empty without one."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        if self._scaler is not None:
            self._scaler.load_state_dict(state)
