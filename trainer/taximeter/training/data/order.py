"""Which image comes when, and by which chance it is varied: both follow from the seed and the place alone."""

from __future__ import annotations

import hashlib
from typing import Literal

import torch
from torch import Tensor

Purpose = Literal["order", "augmentation", "mixing", "synthetic"]


def derive(purpose: Purpose, seed: int, *place: int) -> int:
    """A seed of 63 bits for one purpose at one place, as epoch and image; it tells nothing of any other."""
    said = " ".join([purpose, str(seed), *map(str, place)]).encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little") >> 1


def generator(purpose: Purpose, seed: int, *place: int) -> torch.Generator:
    """The CPU's, so that every device is given the same."""
    return torch.Generator().manual_seed(derive(purpose, seed, *place))


def epoch_order(images: int, seed: int, epoch: int) -> Tensor:
    """The numbers 0 to `images` - 1 in the order of that epoch, int64."""
    return torch.randperm(images, generator=generator("order", seed, epoch))
