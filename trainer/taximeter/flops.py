"""How many floating-point operations a model takes, counted without carrying them out."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Flops:
    """Operations of a model, added up over the samples that it was trained on."""

    per_sample: float | None = None
    peak_per_second: float | None = None
    """Of the device, at the precision of the training; `None`: not known."""
    _until_samples: int = 0
    _before: float = 0

    def change(self, per_sample: float, *, samples: int) -> None:
        """From the sample of this number on, each takes so many operations."""
        self._before = self.total(samples) or 0
        self._until_samples = samples
        self.per_sample = per_sample

    def total(self, samples: int) -> float | None:
        """Operations of so many samples; `None` if they are not known."""
        return None if self.per_sample is None else self._before + self.per_sample * (samples - self._until_samples)


def flops_of(model: Any, batch: Any) -> float:
    """Operations of a training step on this batch: forward and backward, a multiplication and an addition being two.

    `model` is a `torch.nn.Module` as it is before `torch.compile` and DDP; `batch` is the tensor it is called with, or
    a tuple of its arguments. Counted by `torch.utils.flop_counter.FlopCounterMode` on torch's meta device: there are
    shapes, but no data, so nothing is computed, no random number is drawn and no state of the model changes.

    Raises whatever the model raises there.
    """
    torch = importlib.import_module("torch")  # the program has loaded it already, since it has a model
    counting = importlib.import_module("torch.utils.flop_counter")

    def on_meta(value: Any) -> Any:
        return value.to("meta") if isinstance(value, torch.Tensor) else value

    weights = {
        name: tensor.detach().to("meta").requires_grad_(tensor.requires_grad)
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    arguments = tuple(on_meta(value) for value in batch) if isinstance(batch, tuple | list) else (on_meta(batch),)
    with counting.FlopCounterMode(display=False) as counter, torch.enable_grad():
        answer = torch.func.functional_call(model, weights, arguments)
        outputs = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, tuple) else (answer,)
        trained = [out.sum() for out in outputs if isinstance(out, torch.Tensor) and out.requires_grad]
        if trained:
            torch.autograd.backward(trained)
    return float(counter.get_total_flops())
