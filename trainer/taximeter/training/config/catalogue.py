"""The data sets that are known by name, as far as that goes without loading them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A data set whose size is always the same."""

    name: str
    title: str
    images: int
    """For training, and for validation too if the data set has no such part."""
    validation_images: int | None
    """`None`: a share of `images` is split off."""
    classes: int
    channels: int
    size: int
    """Side of an image in pixels, as it is trained on unless told otherwise."""

    def training_images(self, validation_share: float) -> int:
        """How many images are left to train on."""
        if self.validation_images is not None:
            return self.images
        return training_images(self.images, validation_share)


def training_images(images: int, validation_share: float) -> int:
    """Those left of `images` where a share is split off; both parts have at least one."""
    return images - min(max(math.ceil(images * validation_share), 1), images - 1)


DIGITS = DatasetSpec(
    name="digits",
    title="handwritten digits of scikit-learn, 8×8 grey, enlarged",
    images=1797,
    validation_images=None,
    classes=10,
    channels=1,
    size=32,
)
CIFAR10 = DatasetSpec(
    name="cifar10",
    title="CIFAR-10, 32×32 photographs of 10 classes",
    images=50_000,
    validation_images=10_000,
    classes=10,
    channels=3,
    size=32,
)
CIFAR100 = DatasetSpec(
    name="cifar100",
    title="CIFAR-100, 32×32 photographs of 100 classes",
    images=50_000,
    validation_images=10_000,
    classes=100,
    channels=3,
    size=32,
)
FASHION_MNIST = DatasetSpec(
    name="fashion-mnist",
    title="Fashion-MNIST, 28×28 grey pictures of clothes of 10 kinds",
    images=60_000,
    validation_images=10_000,
    classes=10,
    channels=1,
    size=28,
)

CATALOGUE: Mapping[str, DatasetSpec] = MappingProxyType(
    {spec.name: spec for spec in (DIGITS, CIFAR10, CIFAR100, FASHION_MNIST)}
)
"""By name. A folder's and a synthetic data set's size is not known here."""
