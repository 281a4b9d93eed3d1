"""Whether a data set fits into a device's memory beside the training."""

from __future__ import annotations

import os

import torch

from taximeter.training.config.resolve import SMALL
from taximeter.training.data.source import ImagesInMemory, Source

_SHARE = 0.25
"""Of the free memory that the data may take without being asked for; the rest is for model and activations."""

_FILE_CHANNELS = 3


def fits(training: Source, validation: Source, size: int, device: torch.device) -> bool:
    """Whether images of `size` pixels a side are small, and all of them take no more than a quarter of what is free.

    What is in the processor's memory already, and is trained on there, takes nothing.
    """
    in_memory = isinstance(training, ImagesInMemory) and isinstance(validation, ImagesInMemory)
    if in_memory and device.type == "cpu":
        return True
    if not in_memory and size > SMALL:
        return False
    return _bytes(training, size) + _bytes(validation, size) <= _SHARE * _free(device)


def _bytes(source: Source, size: int) -> int:
    if isinstance(source, ImagesInMemory):
        return source.images.numel()
    return len(source) * _FILE_CHANNELS * size * size


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
