"""Augmentation of images one by one, by the processes that read them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torchvision.transforms import v2

from taximeter.training.config.schema import AugmentConfig

Transform = Callable[[Tensor], Tensor]
"""C×H×W uint8 of any size in, C×size×size uint8 out; chance is torch's own generator of the CPU."""

_SEEN = 0.875
"""Of the side of a large image, what the model is shown of it in validation; as the references of torchvision do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """To what images are resized, in pixels."""

    crop: int
    """Side of the square that the model is given."""
    resize: int
    """Shorter side before the middle is cut out, where nothing is left to chance."""


def sizes(size: int, config: AugmentConfig) -> Sizes:
    """Where training sees parts of images, they are shown larger in validation too."""
    partial = config.crop_area is not None and config.crop_area < 1
    return Sizes(crop=size, resize=round(size / _SEEN) if partial else size)


def for_validation(to: Sizes) -> Transform:
    """The middle of the image, the same each time."""
    transform: Transform = v2.Compose([v2.Resize(to.resize, antialias=True), v2.CenterCrop(to.crop)])
    return transform


def for_training(to: Sizes, config: AugmentConfig) -> Transform:
    """As configured; what is not set is nothing."""
    size = to.crop
    stages: list[Callable[[Tensor], Tensor]] = []
    if config.crop_area is not None and config.crop_area < 1:
        stages.append(v2.RandomResizedCrop(size, scale=(config.crop_area, 1.0), antialias=True))
    else:
        stages += [v2.Resize(size, antialias=True), v2.CenterCrop(size)]
    if config.flip:
        stages.append(v2.RandomHorizontalFlip(config.flip))
    if config.crop:
        stages.append(v2.RandomCrop(size, padding=config.crop))
    if config.rotate or config.scale or config.shear or config.translate:
        stages.append(_affine(config))
    if config.colour:
        stages.append(v2.ColorJitter(brightness=config.colour, contrast=config.colour, saturation=config.colour))
    if config.randaugment:
        # Of an image of Pillow's it takes a third of the time.
        stages += [v2.ToPILImage(), v2.RandAugment(magnitude=config.randaugment), v2.PILToTensor()]
    transform: Transform = v2.Compose(stages)
    return transform


def _affine(config: AugmentConfig) -> Transform:
    scale, shear, translate = config.scale or 0.0, config.shear or 0.0, config.translate or 0.0
    slant = math.degrees(math.atan(shear))
    transform: Transform = v2.RandomAffine(
        degrees=config.rotate or 0.0,
        scale=(1 - scale, 1 + scale),
        shear=(-slant, slant),
        translate=(translate, translate),
        interpolation=v2.InterpolationMode.BILINEAR,
    )
    return transform
