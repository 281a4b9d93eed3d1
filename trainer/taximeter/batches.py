"""How many samples a batch holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def samples_in(batch: Any) -> int:
    """Guess how many samples a batch holds, from its outside alone; nothing is copied or computed.

    A tensor or array has as many as its first dimension; a pair such as (images, targets), or a mapping, as many as
    its first member; any other list as many as it has items; anything else is one sample.
    """
    if isinstance(batch, (list, tuple)):
        first: Any = batch[0] if batch else None
        return len(first) if isinstance(first, (tuple, list)) or bool(getattr(first, "ndim", None)) else len(batch)
    shape = getattr(batch, "shape", None)
    if shape:
        return int(shape[0])
    # Asked last, because it is the slowest to tell.
    return samples_in(next(iter(batch.values()), None)) if isinstance(batch, Mapping) else 1
