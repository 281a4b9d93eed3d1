"""Random affine augmentation of whole batches, another one for each image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomAffine:
    """Turn, scale, shear and shift each image by amounts drawn evenly up to these.

    Does what `torchvision.transforms.v2.RandomAffine` does, whose one draw holds for all images that it is given; to
    call it image by image would take longer than the training step.
    """

    degrees: float = 12.0
    scale: float = 0.12
    """Of the image's size, either way."""
    shear: float = 0.1
    """Of the image's width, from its middle to its edge."""
    translate: float = 0.06
    """Of the image's size."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """`images` N×C×H×W, as many back. `generator` is the CPU's."""
        draws = torch.rand(5, len(images), generator=generator) * 2 - 1
        angle = draws[0] * math.radians(self.degrees)
        scale = 1 + draws[1] * self.scale
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        x, y = 2 * self.translate * draws[3:]  # affine_grid's image is 2 wide
        rows = (torch.stack([cos, self.shear * draws[2] - sin, x], 1), torch.stack([sin, cos, y], 1))
        grid = functional.affine_grid(torch.stack(rows, 1).to(images.device), list(images.shape), align_corners=False)
        moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return moved.contiguous(memory_format=torch.channels_last)
