"""A configuration in which nothing is left to the data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from taximeter.training.config.catalogue import CATALOGUE
from taximeter.training.config.schema import TrainConfig

SMALL = 64
"""Side in pixels up to which images are small: cropped with a margin, not resized, and kept in the device's memory."""

_FOLDER_SIZE = 224
_SYNTHETIC_SIZE = 32

_NOTHING: Mapping[str, float] = MappingProxyType(
    {
        "flip": 0.0,
        "rotate": 0.0,
        "scale": 0.0,
        "shear": 0.0,
        "translate": 0.0,
        "crop": 0,
        "crop_area": 1.0,
        "colour": 0.0,
        "randaugment": 0,
        "mixup": 0.0,
        "cutmix": 0.0,
    }
)
_SUITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "digits": {"rotate": 12.0, "scale": 0.12, "shear": 0.1, "translate": 0.06},
        "cifar10": {"flip": 0.5, "crop": 4},
        "cifar100": {"flip": 0.5, "crop": 4},
        "fashion-mnist": {"flip": 0.5, "crop": 2},
        "synthetic": {},
    }
)
_SUITS_LARGE: Mapping[str, float] = MappingProxyType({"flip": 0.5, "crop_area": 0.08})
"""As ImageNet is trained on everywhere since Szegedy et al., 2014, https://arxiv.org/abs/1409.4842."""


def resolve(config: TrainConfig) -> TrainConfig:
    """With the size of the images and every augmentation as they will be. Raises `ConfigError`."""
    size = image_size(config)
    by_default = {**_NOTHING, **(_suitable(config, size) if config.augment.augment == "auto" else {})}
    if config.data.resident == "yes":
        by_default["crop_area"] = 1.0  # the whole image is what is kept
    settings: dict[str, Any] = {
        name: default for name, default in by_default.items() if getattr(config.augment, name) is None
    }
    return config.changed(image_size=size, **settings)


def image_size(config: TrainConfig) -> int:
    """Side of the images in pixels."""
    if config.data.image_size is not None:
        return config.data.image_size
    spec = CATALOGUE.get(config.data.dataset)
    if spec is not None:
        return spec.size
    return _FOLDER_SIZE if config.data.dataset == "folder" else _SYNTHETIC_SIZE


def _suitable(config: TrainConfig, size: int) -> Mapping[str, float]:
    if config.data.dataset != "folder":
        return _SUITS[config.data.dataset]
    return _SUITS_LARGE if size > SMALL else {"flip": 0.5, "crop": size // 8}
