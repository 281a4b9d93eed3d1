"""Which part of each batch is this process's, of several that train one model."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, arange


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Rank `rank` of `world`; `batch_size` images a step are all ranks' together, and a multiple of `world`.

    So the same images make a step however many ranks there are.
    """

    rank: int
    world: int
    batch_size: int

    @property
    def images(self) -> int:
        """Of a batch that are this rank's."""
        return self.batch_size // self.world

    def batches(self, images: int) -> int:
        """Whole batches in an epoch of so many images."""
        return images // self.batch_size

    def of_batch(self, position: int) -> slice:
        """In the order of the epoch, what this rank has of the batch there."""
        start = position * self.batch_size + self.rank * self.images
        return slice(start, start + self.images)

    def of_validation(self, images: int) -> Tensor:
        """The numbers of the images that this rank judges, int64: each image is one rank's."""
        return arange(self.rank, images, self.world)
