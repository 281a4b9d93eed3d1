"""A split that is read while the training goes on, by processes beside it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from taximeter.training.augment.mixing import Mixing
from taximeter.training.augment.normalisation import Normalisation
from taximeter.training.augment.one_by_one import Transform
from taximeter.training.data.batches import Batch, Place
from taximeter.training.data.broken import Broken
from taximeter.training.data.order import derive, epoch_order
from taximeter.training.data.progress import Progress
from taximeter.training.data.samples import Wanted
from taximeter.training.data.share import Share
from taximeter.training.data.source import Source
from taximeter.training.data.workers import WorkedOff


class Loader:
    """Batches of a source, read by workers; see `Batches`. With a `seed` for training, without for validation."""

    def __init__(
        self,
        source: Source,
        transform: Transform,
        *,
        share: Share,
        seed: int | None,
        device: torch.device,
        workers: int,
        channels_last: bool,
        normalisation: Normalisation,
        mixing: Mixing,
        bytes_read: int = 0,
    ) -> None:
        """`bytes_read` is what it has taken to get this far."""
        self._share = share
        self._seed = seed
        self._device = device
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._normalise = normalisation.on(device)
        self._mixing = mixing
        self._count = len(source)
        self._mine = None if seed is not None else share.of_validation(len(source))
        batches = share.batches(len(source)) if self._mine is None else -(-len(self._mine) // share.images)
        self._progress = Progress(batches)
        self._broken = Broken(source)
        self._worked_off = WorkedOff(
            source, transform, seed=seed, workers=min(workers, batches), pin=device.type == "cuda"
        )
        self.bytes_read = bytes_read

    def __len__(self) -> int:
        return self._progress.batches

    def __iter__(self) -> Iterator[Batch]:
        """See `Batches`. Raises `ConfigError` if too many images cannot be decoded."""
        made = self._worked_off.make(self._wanted())
        for _ in self._progress:
            batch = next(made)
            self.bytes_read += batch.bytes_read
            self._broken.note(batch.broken)
            if len(batch.labels):
                yield batch.images, batch.labels

    def to_device(self, images: Tensor, labels: Tensor) -> Batch:
        """See `Batches`."""
        images = images.to(self._device, non_blocking=True, memory_format=self._format)
        labels = labels.to(self._device, non_blocking=True)
        images = self._normalise(images)
        if self._seed is None:
            return images, labels
        place = self._progress.epoch, self._progress.position
        return self._mixing(images, labels, derive("mixing", self._seed, *place))

    def state_dict(self) -> Place:
        """See `Batches`."""
        return self._progress.state_dict()

    def load_state_dict(self, place: Place) -> None:
        """See `Batches`."""
        self._progress.load_state_dict(place)

    def _wanted(self) -> Iterator[Wanted]:
        """The rest of the epoch, from where this stands now; asked for ahead of what is given out."""
        epoch, first = self._progress.epoch, self._progress.position
        if self._mine is None:
            order = epoch_order(self._count, self._seed or 0, epoch)
            parts = (self._share.of_batch(position) for position in range(first, self._progress.batches))
        else:
            order, size = self._mine, self._share.images
            parts = (slice(start, start + size) for start in range(first * size, len(order), size))
        return (Wanted(epoch, order[part].tolist()) for part in parts)
