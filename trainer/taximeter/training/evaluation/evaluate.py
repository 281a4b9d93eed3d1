"""Judges a model on data that it has not been trained on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from taximeter.training.data.batches import Batches
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.precision import Precision
from taximeter.training.evaluation.result import MOST_CLASSES, TOP, Counts, Evaluation


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

    Sums are kept on the device and added up over all ranks, so that each image counts once, however the split is
    divided. Waits for the device once, at the end. `should_stop` is asked before each batch: where any rank was told
    to stop, nothing comes of it on any, and the answer is `None`.
    """
    model.eval()
    # Loss, hits, hits among the first five, images, and ranks that stopped; in double precision, in which a sum over
    # millions of images is exact enough.
    sums = torch.zeros(5, dtype=torch.float64, device=ranks.device)
    confusion: Tensor | None = None
    classes = 0
    for batch in batches:
        if should_stop():
            sums[4] = 1
            break
        images, labels = batches.to_device(*batch)
        with precision.autocast():
            logits: Tensor = model(images)
        answers = logits.argmax(1)
        if classes == 0:
            classes = logits.shape[1]
            confusion = _no_confusion(classes, ranks.device)
        loss = functional.cross_entropy(logits.float(), labels, reduction="sum")
        hits = (answers == labels).sum()
        first = (logits.topk(min(TOP, classes)).indices == labels[:, None]).sum()
        count = torch.full_like(loss, len(labels))
        sums[:4] += torch.stack([loss.double(), hits.double(), first.double(), count.double()])
        if confusion is not None:
            # Not torch.bincount, with which torchmetrics does it: that waits for the GPU.
            confusion.view(-1).index_add_(0, labels * classes + answers, torch.ones_like(labels))
    loss_sum, hit_sum, first_sum, count_sum, stopped = ranks.total(sums).tolist()
    if stopped:
        return None
    classes = ranks.largest(classes)
    if confusion is None:  # also on a rank that had no image
        confusion = _no_confusion(classes, ranks.device)
    if confusion is not None:
        confusion = ranks.total(confusion).cpu()
    counts = Counts(images=round(count_sum), top5=round(first_sum), confusion=confusion)
    return Evaluation(loss=loss_sum / count_sum, accuracy=hit_sum / count_sum, counts=counts)


def _no_confusion(classes: int, device: torch.device) -> Tensor | None:
    """A matrix of zeros, unless it would be too large."""
    return torch.zeros(classes, classes, dtype=torch.int64, device=device) if classes <= MOST_CLASSES else None
