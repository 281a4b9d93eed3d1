"""Where images come from, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from taximeter.training.data.decode import decode


class Source(Protocol):
    """The images of a split, with their labels."""

    @property
    def labels(self) -> Tensor:
        """Class numbers, N int64, on the CPU."""

    def __len__(self) -> int:
        """N."""

    def read(self, index: int) -> tuple[Tensor, int]:
        """An image, C×H×W uint8, and how many bytes were read from storage. Raises `UnreadableImage`."""

    def name(self, index: int) -> str:
        """What a person knows the image by."""

    def shared(self) -> Source:
        """The same in memory that processes share, so that workers need no copies."""

    def subset(self, indices: Tensor) -> Source:
        """Those images, in that order."""


@dataclass(frozen=True, slots=True)
class ImagesInMemory:
    """A split whose pixels are there already: `images` N×C×H×W uint8, `labels` N int64, both on the CPU."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> tuple[Tensor, int]:
        """See `Source`."""
        return self.images[index], 0

    def name(self, index: int) -> str:
        """See `Source`."""
        return f"image {index}"

    def shared(self) -> ImagesInMemory:
        """See `Source`."""
        return ImagesInMemory(_shared(self.images), _shared(self.labels))

    def subset(self, indices: Tensor) -> ImagesInMemory:
        """See `Source`."""
        return ImagesInMemory(self.images[indices], self.labels[indices])


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """A split in files. Paths are kept in one tensor, as a list of a million would be copied to every worker."""

    root: Path
    _paths: Tensor
    """All relative paths one after the other, uint8."""
    _ends: Tensor
    """Where each path ends in it, int64."""
    labels: Tensor
    channels: int
    """1 (grey) or 3."""

    @classmethod
    def of(cls, root: Path, paths: Sequence[str], labels: Sequence[int], channels: int) -> ImageFiles:
        """Of paths below `root` and their class numbers."""
        encoded = [path.encode("utf-8", "surrogateescape") for path in paths]
        together = torch.frombuffer(bytearray(b"".join(encoded) or b"\0"), dtype=torch.uint8)
        ends = torch.tensor([len(path) for path in encoded], dtype=torch.int64).cumsum(0)
        return cls(root, together, ends, torch.tensor(labels, dtype=torch.int64), channels)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> tuple[Tensor, int]:
        """See `Source`."""
        return decode(self.root / self.name(index), self.channels)

    def name(self, index: int) -> str:
        """The path below the root."""
        start = int(self._ends[index - 1]) if index else 0
        return self._paths[start : int(self._ends[index])].numpy().tobytes().decode("utf-8", "surrogateescape")

    def shared(self) -> ImageFiles:
        """See `Source`."""
        parts = (_shared(self._paths), _shared(self._ends), _shared(self.labels))
        return ImageFiles(self.root, *parts, self.channels)

    def subset(self, indices: Tensor) -> ImageFiles:
        """See `Source`."""
        paths = [self.name(index) for index in indices.tolist()]
        return ImageFiles.of(self.root, paths, self.labels[indices].tolist(), self.channels)


def _shared(tensor: Tensor) -> Tensor:
    return tensor.share_memory_()  # type: ignore[no-untyped-call, no-any-return]
