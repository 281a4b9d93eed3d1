"""A split that lies whole in the device's memory, and is augmented there."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from taximeter.training.augment.mixing import Mixing
from taximeter.training.augment.normalisation import Normalisation
from taximeter.training.augment.on_device import BatchAugmentation, resized
from taximeter.training.data.batches import Batch, Place
from taximeter.training.data.order import derive, epoch_order, generator
from taximeter.training.data.progress import Progress
from taximeter.training.data.share import Share
from taximeter.training.data.source import ImagesInMemory

_VALIDATION_BATCH = 512


class ResidentTraining:
    """Training batches; see `Batches`.

    The order of an epoch and all its random numbers are drawn on the CPU and brought to the device before its first
    batch: no step waits for the processor, and every device sees the same.
    """

    def __init__(
        self,
        split: ImagesInMemory,
        *,
        share: Share,
        size: int,
        seed: int,
        device: torch.device,
        channels_last: bool,
        augmentation: BatchAugmentation,
        normalisation: Normalisation,
        mixing: Mixing,
        bytes_read: int,
    ) -> None:
        """`size` is the side of the images that the model takes; `bytes_read` what reading the split has taken."""
        self._images = augmentation.with_margin(split.images).to(device)
        self._labels = split.labels.to(device)
        self._share = share
        self._size = size
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._seed = seed
        self._device = device
        self._augmentation = augmentation
        self._normalise = normalisation.on(device)
        self._mixing = mixing
        self._progress = Progress(share.batches(len(split)))
        self.bytes_read = bytes_read

    def __len__(self) -> int:
        return self._progress.batches

    def __iter__(self) -> Iterator[Batch]:
        """See `Batches`."""
        epoch, count = self._progress.epoch, len(self._labels)
        order = epoch_order(count, self._seed, epoch)
        chance = self._augmentation.draw(count, generator("augmentation", self._seed, epoch))
        order, chance = order.to(self._device), chance.to(self._device)
        for position in self._progress:
            part = self._share.of_batch(position)
            chosen = order[part]
            images = self._augmentation(self._images, chosen, chance[:, part], self._normalise, self._size)
            yield images.contiguous(memory_format=self._format), self._labels[chosen]

    def to_device(self, images: Tensor, labels: Tensor) -> Batch:
        """See `Batches`."""
        place = self._progress.epoch, self._progress.position
        return self._mixing(images, labels, derive("mixing", self._seed, *place))

    def state_dict(self) -> Place:
        """See `Batches`."""
        return self._progress.state_dict()

    def load_state_dict(self, place: Place) -> None:
        """See `Batches`."""
        self._progress.load_state_dict(place)


class ResidentValidation:
    """Validation batches; see `Batches`."""

    def __init__(
        self,
        split: ImagesInMemory,
        *,
        share: Share,
        size: int,
        device: torch.device,
        channels_last: bool,
        normalisation: Normalisation,
    ) -> None:
        mine = share.of_validation(len(split))
        self._images = split.images[mine].to(device)
        self._labels = split.labels[mine].to(device)
        self._size = size
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._normalise = normalisation.on(device)
        self._progress = Progress(-(-len(self._labels) // _VALIDATION_BATCH))
        self.bytes_read = 0

    def __len__(self) -> int:
        return self._progress.batches

    def __iter__(self) -> Iterator[Batch]:
        """See `Batches`."""
        for position in self._progress:
            part = slice(position * _VALIDATION_BATCH, (position + 1) * _VALIDATION_BATCH)
            images = resized(self._normalise(self._images[part]), self._size)
            yield images.contiguous(memory_format=self._format), self._labels[part]

    def to_device(self, images: Tensor, labels: Tensor) -> Batch:
        """See `Batches`."""
        return images, labels

    def state_dict(self) -> Place:
        """See `Batches`."""
        return self._progress.state_dict()

    def load_state_dict(self, place: Place) -> None:
        """See `Batches`."""
        self._progress.load_state_dict(place)
