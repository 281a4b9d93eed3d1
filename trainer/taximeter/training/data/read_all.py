"""A whole split from its files into memory."""

from __future__ import annotations

from typing import TextIO

import torch
from tqdm import tqdm

from taximeter.training.augment.one_by_one import Sizes, for_validation
from taximeter.training.data.broken import Broken
from taximeter.training.data.samples import Wanted
from taximeter.training.data.source import ImagesInMemory, Source
from taximeter.training.data.workers import WorkedOff

_BATCH = 64


def read_all(source: Source, size: int, workers: int, stream: TextIO) -> tuple[ImagesInMemory, int]:
    """Every image as a square of `size` pixels, and how many bytes were read for them; with a progress bar.

    What is in memory already stays as it is. Images that cannot be decoded are left out. Raises `ConfigError` if they
    are too many.
    """
    if isinstance(source, ImagesInMemory):
        return source, 0
    starts = range(0, len(source), _BATCH)
    wanted = (Wanted(0, range(start, min(start + _BATCH, len(source)))) for start in starts)
    transform = for_validation(Sizes(crop=size, resize=size))
    worked_off = WorkedOff(source, transform, seed=None, workers=min(workers, len(starts)))
    broken = Broken(source)
    images, labels, bytes_read = [], [], 0
    with tqdm(
        total=len(source), desc="reading the images", unit="image", file=stream, delay=1, leave=False,
        disable=not stream.isatty(),
    ) as bar:  # fmt: skip
        for made in worked_off.make(wanted):
            broken.note(made.broken)
            bytes_read += made.bytes_read
            if len(made.labels):
                images.append(made.images)
                labels.append(made.labels)
            bar.update(len(made.labels) + len(made.broken))
    worked_off.close()
    return ImagesInMemory(torch.cat(images).contiguous(), torch.cat(labels)), bytes_read
