"""Random colours of whole batches, others for each image."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torchvision.transforms.v2.functional import rgb_to_grayscale

DRAWS = 3
"""Random numbers that an image takes."""


@dataclass(frozen=True, slots=True)
class RandomColour:
    """Vary brightness, then contrast, then saturation, each by a factor drawn evenly from 1 - amount to 1 + amount.

    As `torchvision.transforms.v2.ColorJitter`, whose one draw holds for all images that it is given.
    """

    amount: float

    def __call__(self, pixels: Tensor, chance: Tensor) -> Tensor:
        """`pixels` N×C×H×W float from 0 to 1, as many back; `chance` 3×N from 0 to 1, on the same device."""
        brightness, contrast, saturation = (1 + (chance * 2 - 1) * self.amount).view(DRAWS, -1, 1, 1, 1)
        pixels = (pixels * brightness).clamp_(0, 1)
        middle = _grey(pixels).mean((1, 2, 3), keepdim=True)
        pixels = (middle + (pixels - middle) * contrast).clamp_(0, 1)
        if pixels.shape[1] == 1:
            return pixels
        grey = _grey(pixels)
        vivid: Tensor = grey + (pixels - grey) * saturation
        return vivid.clamp_(0, 1)


def _grey(pixels: Tensor) -> Tensor:
    grey: Tensor = pixels if pixels.shape[1] == 1 else rgb_to_grayscale(pixels)
    return grey
