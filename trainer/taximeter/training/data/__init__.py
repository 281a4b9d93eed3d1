"""Images and labels in memory, and the batches made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torchvision.transforms import v2

IMAGE_SIZE = 32
VALIDATION_SHARE = 0.2
_BRIGHTEST = 16  # of a pixel of the digits


@dataclass(frozen=True, slots=True)
class Images:
    """A split: `images` N×1×32×32 float, `labels` N int64, on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Images:
        """The same on another device."""
        return Images(self.images.to(device, memory_format=torch.channels_last), self.labels.to(device))


def load(seed: int) -> tuple[Images, Images]:
    """scikit-learn's digits at 32×32, split by class into training and validation as the seed says.

    Both are normalised by the mean and the deviation of the training images.
    """
    digits = load_digits()
    images = v2.Resize(IMAGE_SIZE, antialias=True)(torch.tensor(digits.images, dtype=torch.float32)[:, None])
    images = images / _BRIGHTEST
    labels = torch.tensor(digits.target)
    train, validation = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=VALIDATION_SHARE, stratify=digits.target, random_state=seed
    )
    deviation, mean = torch.std_mean(images[train])
    images = v2.Normalize([mean.item()], [deviation.item()])(images)
    return Images(images[train], labels[train]), Images(images[validation], labels[validation])


class Batches:
    """Shuffled and augmented batches, in another order each time; the last, smaller one is left out.

    Yields `(images, labels)`. What `generator` starts from settles order and augmentation of all epochs.
    """

    def __init__(
        self,
        data: Images,
        batch_size: int,
        augment: Callable[[Tensor, torch.Generator], Tensor],
        generator: torch.Generator,
    ) -> None:
        self._data = data
        self._batch_size = batch_size
        self._augment = augment
        self._generator = generator

    def __len__(self) -> int:
        return len(self._data) // self._batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # The generator is the CPU's, so that every device sees the same order and the same augmentation.
        order = torch.randperm(len(self._data), generator=self._generator).to(self._data.labels.device)
        for batch in range(len(self)):
            chosen = order[batch * self._batch_size : (batch + 1) * self._batch_size]
            yield self._augment(self._data.images[chosen], self._generator), self._data.labels[chosen]
