"""Augmentation of batches on the device that holds the whole data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from taximeter.training.augment import affine, colour
from taximeter.training.augment.affine import RandomAffine
from taximeter.training.augment.colour import RandomColour
from taximeter.training.augment.normalisation import Normaliser
from taximeter.training.config.schema import AugmentConfig

_FLIP, _ROW, _COLUMN, _AFFINE = 0, 1, 2, 3
_COLOUR = _AFFINE + affine.DRAWS
_DRAWS = _COLOUR + colour.DRAWS


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAugmentation:
    """What is done to training images, another draw for each: crop and mirror, colours, turn and shift."""

    flip: float
    """How probable it is that an image is mirrored."""
    crop: int
    """Margin in pixels."""
    move: RandomAffine
    colours: RandomColour

    @classmethod
    def of(cls, config: AugmentConfig) -> Self:
        """As configured; what is not set is nothing."""
        return cls(
            flip=config.flip or 0.0,
            crop=config.crop or 0,
            move=RandomAffine(
                degrees=config.rotate or 0.0,
                scale=config.scale or 0.0,
                shear=config.shear or 0.0,
                translate=config.translate or 0.0,
            ),
            colours=RandomColour(config.colour or 0.0),
        )

    def draw(self, images: int, generator: torch.Generator) -> Tensor:
        """The random numbers of so many images, 11×N from 0 to 1.

        Each purpose has its own rows, so that to switch one on changes nothing in the others.
        """
        return torch.rand(_DRAWS, images, generator=generator)

    def __call__(self, stored: Tensor, chosen: Tensor, chance: Tensor, normalise: Normaliser, size: int) -> Tensor:
        """A batch of `chosen` images (N int64), N×C×`size`×`size` float, channels last.

        `stored` is what `with_margin` gave, `chance` 11×N as drawn, all on one device.
        """
        pixels = self._cut(stored, chosen, chance)
        if self.colours.amount:
            vivid = self.colours(pixels / 255, chance[_COLOUR:])
            pixels = vivid.mul_(255)
        images = resized(normalise(pixels), size)
        return images if self.move.does_nothing else self.move(images, chance[_AFFINE:_COLOUR])

    def with_margin(self, pixels: Tensor) -> Tensor:
        """Images N×C×H×W uint8 as they are stored: N×(H+2·crop)×(W+2·crop)×C, black around."""
        margin = self.crop
        return functional.pad(pixels, (margin, margin, margin, margin)).permute(0, 2, 3, 1).contiguous()

    def _cut(self, stored: Tensor, chosen: Tensor, chance: Tensor) -> Tensor:
        """N×C×H×W uint8 of the stored: one gathering of pixels does crop and mirror."""
        if not (self.flip or self.crop):
            return stored[chosen].permute(0, 3, 1, 2)
        positions = 2 * self.crop + 1
        height, width = stored.shape[1] - 2 * self.crop, stored.shape[2] - 2 * self.crop
        rows = torch.arange(height, device=stored.device) + (chance[_ROW] * positions).long()[:, None]
        columns = torch.arange(width, device=stored.device).expand(len(chosen), -1)
        columns = torch.where((chance[_FLIP] < self.flip)[:, None], columns.flip(1), columns)
        columns = columns + (chance[_COLUMN] * positions).long()[:, None]
        return stored[chosen[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def resized(images: Tensor, size: int) -> Tensor:
    """N×C×H×W float at another size, or the same if it is that."""
    if images.shape[-2:] == (size, size):
        return images
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
