"""What comes out when a model is judged on a split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

TOP = 5
"""An answer is right in a wider sense if the class is among so many that the model holds most probable."""

MOST_CLASSES = 4096
"""With more classes than that there is no confusion matrix: it would take more than 128 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many images were taken for what, over all ranks."""

    images: int
    top5: int
    """Images whose class was among the five that the model held most probable."""
    confusion: Tensor | None
    """Images by true class (row) and answer (column), classes×classes int64, on the CPU. `None`: too many classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out."""

    loss: float
    """Cross-entropy, mean over the images, in nats."""
    accuracy: float
    """0 to 1."""
    counts: Counts | None = None
    """`None` where only loss and accuracy were kept."""

    @property
    def finite(self) -> bool:
        """Whether the model still answers with numbers."""
        return math.isfinite(self.loss)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        counts = self.counts
        confusion = None if counts is None or counts.confusion is None else counts.confusion.to(torch.int32)
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "counts": None if counts is None else [counts.images, counts.top5, confusion],
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """What `state_dict` gave."""
        counts = None
        if state["counts"] is not None:
            images, top5, confusion = state["counts"]
            counts = Counts(images=images, top5=top5, confusion=None if confusion is None else confusion.long())
        return cls(loss=state["loss"], accuracy=state["accuracy"], counts=counts)
