"""Mixup and cutmix: batches whose images are of two classes each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torchvision.transforms import v2

from taximeter.training.config.schema import AugmentConfig


class Mixing:
    """Mixes the images of a batch with one another; with both ways, either is as probable.

    Mixup: Zhang et al., 2017, https://arxiv.org/abs/1710.09412. Cutmix: Yun et al., 2019,
    https://arxiv.org/abs/1905.04899.
    """

    def __init__(self, config: AugmentConfig, classes: int) -> None:
        ways = []
        if config.mixup:
            ways.append(v2.MixUp(alpha=config.mixup, num_classes=classes))
        if config.cutmix:
            ways.append(v2.CutMix(alpha=config.cutmix, num_classes=classes))
        self._mix = v2.RandomChoice(ways) if ways else None

    @property
    def does_nothing(self) -> bool:
        """Whether neither way is on."""
        return self._mix is None

    def __call__(self, images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Images N×C×H×W float, labels N int64 in; as many images, and shares N×classes float out."""
        if self._mix is None:
            return images, labels
        with seeded(seed):
            mixed, shares = self._mix(images, labels)
        return mixed, shares


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's own generator of the CPU begins anew from the seed within, and goes on as before after it."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
