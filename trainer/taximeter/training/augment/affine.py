"""Random affine augmentation of whole batches, another one for each image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

DRAWS = 5
"""Random numbers that an image takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomAffine:
    """Turn, scale, slant and shift each image by amounts drawn evenly up to these, either way.

    Does what `torchvision.transforms.v2.RandomAffine` does, whose one draw holds for all images that it is given; to
    call it image by image would take longer than the training step. What comes in from outside the image is like its
    edge.
    """

    degrees: float
    scale: float
    """Of the image's size."""
    shear: float
    """Of the image's width, from its middle to its edge."""
    translate: float
    """Of the image's size."""

    @property
    def does_nothing(self) -> bool:
        """Whether all amounts are 0."""
        return not (self.degrees or self.scale or self.shear or self.translate)

    def __call__(self, images: Tensor, chance: Tensor) -> Tensor:
        """`images` N×C×H×W float, as many back; `chance` 5×N from 0 to 1, on the same device."""
        draws = chance * 2 - 1
        angle = draws[0] * math.radians(self.degrees)
        scale = 1 + draws[1] * self.scale
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        x, y = 2 * self.translate * draws[3:]  # affine_grid's image is 2 wide
        rows = (torch.stack([cos, self.shear * draws[2] - sin, x], 1), torch.stack([sin, cos, y], 1))
        grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
