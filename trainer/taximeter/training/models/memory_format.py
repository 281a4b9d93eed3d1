"""How a model and its images lie in memory."""

from __future__ import annotations

import torch

_BASIC_BLOCKS = frozenset({"resnet18", "resnet34"})
_SMALL = 112


def is_channels_last_faster(model: str, *, image_size: int, device: torch.device) -> bool:
    """Whether training is faster with the channels of a pixel side by side (torch.channels_last).

    On GPUs, whose convolutions want it, and on CPUs for most models; not there for ResNets of basic blocks with small
    images. See "Beside other training loops" in docs/benchmarks.md.
    """
    return device.type != "cpu" or model not in _BASIC_BLOCKS or image_size > _SMALL
