"""The random generators that a training may draw from without asking, each where it stands."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import distributed

_log = logging.getLogger("taximeter")


class RandomState:
    """Python's, NumPy's, torch's and the CUDA device's generators of every rank.

    All ranks must ask for the state at the same moment: each has generators of its own, and the first one writes.
    """

    def state_dict(self) -> dict[str, Any]:
        """Of all ranks, in their order, as `torch.load` reads it with `weights_only`."""
        own = _generators()
        if not _several_ranks():
            return {"ranks": [own]}
        ranks: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(ranks, own)
        return {"ranks": ranks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set this rank's generators. With another number of ranks there is nothing to be repeated, and it is said."""
        rank, size = (distributed.get_rank(), distributed.get_world_size()) if _several_ranks() else (0, 1)
        if len(state["ranks"]) != size:
            _log.warning(
                "the checkpoint is of %d processes and there are %d now: random numbers go on from the seed",
                len(state["ranks"]),
                size,
            )
            return
        _set(state["ranks"][rank])


def _several_ranks() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _cuda() -> bool:
    """Whether this process uses a GPU; only to ask for the state of its generator would begin to."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _generators() -> dict[str, Any]:
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (torch.from_numpy(np.asarray(keys).astype(np.int64)), int(position), int(has_gauss), float(gauss)),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if _cuda() else None,
    }


def _set(generators: Mapping[str, Any]) -> None:
    random.setstate(generators["python"])
    keys, position, has_gauss, gauss = generators["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(generators["torch"])
    if generators["cuda"] is not None and _cuda():
        torch.cuda.set_rng_state(generators["cuda"])
