"""How good a model is on data that it has not been trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from taximeter.training.data import Images

_BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out."""

    loss: float
    """Cross-entropy, mean over the images, in nats."""
    accuracy: float
    """0 to 1."""


@torch.inference_mode()
def evaluate(model: nn.Module, data: Images) -> Evaluation:
    """Judge the model on a split; leaves it in evaluation mode. Waits for the device once, at the end."""
    model.eval()
    loss = torch.zeros((), device=data.labels.device)
    correct = torch.zeros((), device=data.labels.device)
    for start in range(0, len(data), _BATCH):
        images, labels = data.images[start : start + _BATCH], data.labels[start : start + _BATCH]
        logits: Tensor = model(images)
        loss += functional.cross_entropy(logits, labels, reduction="sum")
        correct += (logits.argmax(1) == labels).sum()
    return Evaluation(loss=loss.item() / len(data), accuracy=correct.item() / len(data))
