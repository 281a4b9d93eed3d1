"""scikit-learn's handwritten digits: 1,797 grey images of 8×8 pixels, which come with the package."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torchvision.transforms import v2

from taximeter.training.config.catalogue import DIGITS
from taximeter.training.config.schema import DataConfig
from taximeter.training.data.raw import RawData
from taximeter.training.data.source import ImagesInMemory

_BRIGHTEST = 16  # of a pixel


def open_digits(_config: DataConfig, _seed: int) -> RawData:
    """The digits, enlarged."""
    digits = load_digits()
    small = torch.tensor(digits.images, dtype=torch.float32)[:, None] / _BRIGHTEST
    images = v2.functional.resize(small, [DIGITS.size, DIGITS.size], antialias=True)
    pixels = (images * 255).round().clamp(0, 255).to(torch.uint8)
    return RawData(
        classes=tuple(map(str, range(DIGITS.classes))),
        channels=DIGITS.channels,
        training=ImagesInMemory(pixels, torch.tensor(digits.target)),
        validation=None,
    )
