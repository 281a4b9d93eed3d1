"""Batches of images that are read one by one, as the processes beside the training make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from taximeter.training.augment.mixing import seeded
from taximeter.training.augment.one_by_one import Transform
from taximeter.training.data.decode import UnreadableImage
from taximeter.training.data.order import derive
from taximeter.training.data.source import Source


class Wanted(NamedTuple):
    """A batch to be made."""

    epoch: int
    indices: Sequence[int]


class Made(NamedTuple):
    """A batch that was made."""

    images: Tensor
    """N×C×H×W uint8, channels last."""
    labels: Tensor
    """N int64."""
    bytes_read: int
    broken: tuple[tuple[int, str], ...]
    """Images that could not be decoded, and why."""


class Samples(Dataset[Made]):
    """Makes batches of a source's images.

    How an image is varied follows from seed, epoch and image alone: it is the same whichever process reads it. Where
    an image cannot be decoded, the next one that can takes its place in training; in validation its place is empty.
    """

    def __init__(self, source: Source, transform: Transform, *, seed: int | None) -> None:
        """Without a `seed` nothing is left to chance, and no image replaced: this is validation."""
        self._source = source
        self._transform = transform
        self._seed = seed

    def __getitem__(self, wanted: Wanted) -> Made:
        images: list[Tensor] = []
        labels: list[int] = []
        broken: dict[int, str] = {}
        bytes_read = 0
        for index in wanted.indices:
            for candidate in self._candidates(index):
                if candidate in broken:
                    continue
                try:
                    pixels, read = self._source.read(candidate)
                except UnreadableImage as wrong:
                    broken[candidate] = str(wrong)
                    continue
                bytes_read += read
                images.append(self._varied(pixels, wanted.epoch, candidate))
                labels.append(int(self._source.labels[candidate]))
                break
        together = torch.stack(images).contiguous(memory_format=torch.channels_last) if images else torch.empty(0)
        return Made(together, torch.tensor(labels, dtype=torch.int64), bytes_read, tuple(broken.items()))

    def _varied(self, pixels: Tensor, epoch: int, index: int) -> Tensor:
        if self._seed is None:
            return self._transform(pixels)
        with seeded(derive("augmentation", self._seed, epoch, index)):
            return self._transform(pixels)

    def _candidates(self, index: int) -> Iterator[int]:
        yield index
        if self._seed is not None:
            count = len(self._source)
            yield from ((index + step) % count for step in range(1, count))
