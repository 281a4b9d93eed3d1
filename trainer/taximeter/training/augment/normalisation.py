"""By what the pixels are made small numbers around 0."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_BRIGHTEST = 255
_CHUNK = 4096  # images whose pixels are floats at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """Mean and standard deviation by channel, of pixels from 0 to 1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    source: str

    def on(self, device: torch.device) -> Normaliser:
        """What applies it there."""
        return Normaliser(self, device)


class Normaliser:
    """Applies a normalisation on one device, on which its numbers lie ready."""

    def __init__(self, normalisation: Normalisation, device: torch.device) -> None:
        mean, deviation = (
            torch.tensor(part, dtype=torch.float64).view(1, -1, 1, 1)
            for part in (normalisation.mean, normalisation.deviation)
        )
        self._scale = (1 / (_BRIGHTEST * deviation)).to(device, torch.float32)
        self._shift = (-mean / deviation).to(device, torch.float32)

    def __call__(self, pixels: Tensor) -> Tensor:
        """N×C×H×W from 0 to 255, uint8 or float, in; as many normalised float out, in the same memory format."""
        return pixels.to(torch.float32, copy=True).mul_(self._scale).add_(self._shift)


IMAGENET = Normalisation(
    mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225), source="ImageNet's, as torchvision's weights expect"
)


def measured(pixels: Tensor) -> Normalisation:
    """Of these images, N×C×H×W uint8; a channel that is the same everywhere is left as wide as it is."""
    count = pixels.shape[0] * pixels.shape[2] * pixels.shape[3]
    total = torch.zeros(pixels.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for chunk in torch.split(pixels, _CHUNK):
        values = chunk.to(torch.float64) / _BRIGHTEST
        total += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    deviation[deviation == 0] = 1
    return Normalisation(
        mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()), source="of the training images"
    )
