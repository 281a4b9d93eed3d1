"""What ends a training that was begun: each says in one line what happened and what can be done."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """The training cannot go on; exit status 1. The last checkpoint, if there is one, is as it was."""


class NotFinite(TrainingError):
    """The loss is NaN or infinite."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: training cannot go on from there; a lower --learning-rate, --warmup-epochs or --clip-norm helps, "
            "or --precision bf16 instead of fp16"
        )


class OutOfMemory(TrainingError):
    """Not even one image at a time fits into the device's memory."""


class RankLost(TrainingError):
    """Another process of this training has ended."""
