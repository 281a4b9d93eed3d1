"""How many samples a batch holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def samples_in(batch: Any) -> int:
    """Guess how many samples a batch holds, from its outside alone; nothing is copied or computed.

    A tensor or array has as many as its first dimension; a pair such as (images, targets), or a mapping, as many as
    its first member; any other list as many as it has items; anything else is one sample.
    """
    if isinstance(batch, Mapping):
        batch = next(iter(batch.values()), None)
    elif isinstance(batch, (tuple, list)) and batch and (_shape(batch[0]) or isinstance(batch[0], (tuple, list))):
        batch = batch[0]
    shape = _shape(batch)
    if shape:
        return int(shape[0])
    return len(batch) if isinstance(batch, (tuple, list)) else 1


def _shape(value: Any) -> Any:
    return getattr(value, "shape", None)
