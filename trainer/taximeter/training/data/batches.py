"""What the training loop sees of the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypedDict

from torch import Tensor

Batch = tuple[Tensor, Tensor]
"""Images N×C×H×W and labels: N class numbers (int64), or N×classes shares (float) where images were mixed."""


class Place(TypedDict):
    """Where a loader stands, for a checkpoint."""

    epoch: int
    """Epochs that are done."""
    position: int
    """Batches of the epoch after them that were given out."""
    batches: int
    """Batches of an epoch: a place is worth nothing to a loader that divides the data otherwise."""


class Batches(Protocol):
    """One rank's part of a split, batch by batch.

    Training batches come in another order each epoch, the last, smaller one is left out, and every rank has as many of
    the same size. Everything that is random follows from the seed, the epoch and the place in it, and from nothing
    that happened before: after `load_state_dict` the very next batch is the one that would have come.

    Validation batches come in the order of the split, unvaried, and all of them: their sizes, and between ranks their
    number, may differ by one.
    """

    @property
    def bytes_read(self) -> int:
        """Read from storage for this so far, by this process; 0 for data that is embedded or made up."""

    def __len__(self) -> int:
        """Batches of a whole epoch."""

    def __iter__(self) -> Iterator[Batch]:
        """The rest of the epoch, which is all of it after the last one ended. Batches are where they were made."""

    def to_device(self, images: Tensor, labels: Tensor) -> Batch:
        """A batch as the model takes it: on the device, as normalised float, mixed if mixup or cutmix are on."""

    def state_dict(self) -> Place:
        """Where this stands: after the batch that was given out last."""

    def load_state_dict(self, place: Place) -> None:
        """Go on from there. Raises `ValueError` if it is a place in something else."""
