"""How good a model is on data that it has not been trained on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from taximeter.training.data.batches import Batches
from taximeter.training.distributed import Ranks
from taximeter.training.precision import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out."""

    loss: float
    """Cross-entropy, mean over the images, in nats."""
    accuracy: float
    """0 to 1."""

    @property
    def finite(self) -> bool:
        """Whether the model still answers with numbers."""
        return math.isfinite(self.loss)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Batches,
    *,
    precision: Precision,
    ranks: Ranks,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluation | None:
    """Judge the model on a split, of which each rank has a part; leaves it in evaluation mode.

    Sums of losses and hits are added up over all ranks, so that each image counts once, however the split is divided.
    Waits for the device once, at the end. `should_stop` is asked before each batch: where any rank was told to stop,
    nothing comes of it on any, and the answer is `None`.
    """
    model.eval()
    # Loss, hits, images, and ranks that stopped; in double precision, in which a sum over millions of images is exact
    # enough.
    sums = torch.zeros(4, dtype=torch.float64, device=ranks.device)
    for batch in batches:
        if should_stop():
            sums[3] = 1
            break
        images, labels = batches.to_device(*batch)
        with precision.autocast():
            logits: Tensor = model(images)
        loss = functional.cross_entropy(logits.float(), labels, reduction="sum")
        hits = (logits.argmax(1) == labels).sum()
        sums[:3] += torch.stack([loss.double(), hits.double(), torch.full_like(loss, len(labels)).double()])
    loss_sum, hit_sum, count, stopped = ranks.total(sums).tolist()
    return None if stopped else Evaluation(loss=loss_sum / count, accuracy=hit_sum / count)
