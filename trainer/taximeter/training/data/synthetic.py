"""Images of noise, for benchmarks: there is nothing to be read, nor much to be learned."""

from __future__ import annotations

import torch

from taximeter.training.config.schema import DataConfig
from taximeter.training.data.order import generator
from taximeter.training.data.raw import RawData
from taximeter.training.data.source import ImagesInMemory

SIZE = 32
"""Side of the images in pixels, unless told otherwise."""


def open_synthetic(config: DataConfig, seed: int) -> RawData:
    """So many images, each class of a brightness of its own, so that a loss can be seen to fall."""
    size = config.image_size or SIZE
    classes, images = config.synthetic_classes, config.synthetic_images
    chance = generator("synthetic", seed)
    labels = torch.arange(images) % classes
    pixels = torch.randint(0, 192, (images, config.synthetic_channels, size, size), dtype=torch.uint8, generator=chance)
    pixels += (labels * 63 // (classes - 1)).to(torch.uint8)[:, None, None, None]
    return RawData(
        classes=tuple(f"synthetic {number}" for number in range(classes)),
        channels=config.synthetic_channels,
        training=ImagesInMemory(pixels, labels),
        validation=None,
        notes=("the data are synthetic: noise, made up for benchmarks; accuracies mean nothing",),
    )
