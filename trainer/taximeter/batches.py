"""How many samples a batch holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def samples_in(batch: Any) -> int:
    """Guess how many samples a batch holds, from its outside alone; nothing is copied or computed.

    A tensor or array has as many as its first dimension; a pair such as (images, targets), or a mapping, as many as
    its first member; any other list as many as it has items; anything else is one sample.
    """
    # In the order of what loaders yield, and by attributes that are C to the ground: len() of a tensor is Python.
    pair = type(batch) is list or type(batch) is tuple
    try:
        shape = batch[0].shape if pair else batch.shape
    except (AttributeError, IndexError, TypeError):
        shape = ()
    return shape[0] if shape else _samples_in_other(batch)


def _samples_in_other(batch: Any) -> int:
    if isinstance(batch, (list, tuple)):
        first: Any = batch[0] if batch else None
        if getattr(first, "shape", None):
            return int(first.shape[0])
        return len(first) if isinstance(first, (list, tuple)) else len(batch)
    return samples_in(next(iter(batch.values()), None)) if isinstance(batch, Mapping) else 1
