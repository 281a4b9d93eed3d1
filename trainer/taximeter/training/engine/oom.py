"""What happens when the device's memory does not suffice: the same step again, with half as many images at a time."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from taximeter.training.engine.distributed import Ranks
from taximeter.training.errors import OutOfMemory

_log = logging.getLogger("taximeter")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Generators:
    """Where the random generators stood that a forward pass draws from."""

    cpu: Tensor
    cuda: Tensor | None


class MicroBatches:
    """How many images at a time go through the model; fewer, once that proves to be too many.

    A step's batch stays what it was: it is only divided into more parts, whose gradients add up. All ranks divide
    alike, also if only one of them ran out of memory.
    """

    def __init__(self, model: nn.Module, size: int, ranks: Ranks, on_out_of_memory: Callable[[], None]) -> None:
        self._buffers = list(model.buffers())
        self._copies = [buffer.clone() for buffer in self._buffers]
        self._ranks = ranks
        self._on_out_of_memory = on_out_of_memory
        self.size = size
        """Images at a time, at most."""

    def attempt(self, work: Callable[[int], T], *, images: int) -> T:
        """Do `work` on a batch of so many images, given how many to take at a time, until there is memory enough.

        The work may change gradients, which it clears at first, the model's buffers, and random generators; the last
        two are set back before it is done again. `on_out_of_memory` is called each time it was not enough. Raises
        `OutOfMemory` if not even a single image at a time fits.
        """
        while True:
            before = self._remember()
            done: list[T] = []
            reason = "of another rank"
            try:
                done.append(work(self.size))
            except torch.OutOfMemoryError as wrong:
                reason = str(wrong).splitlines()[0]
            if not self._ranks.largest(int(not done)):
                return done[0]
            done.clear()  # what another rank's failure made worthless may hold memory
            self._on_out_of_memory()
            self._set_back(before)
            self._halve(min(self.size, images), reason)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: a run that goes on does not have to run out of memory again."""
        return {"size": self.size}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.size = int(state["size"])

    def _halve(self, size: int, reason: str) -> None:
        if size == 1:
            raise OutOfMemory(
                f"out of memory with a single image at a time ({reason}): take a smaller --model or --image-size, "
                "--precision bf16 or --checkpointing"
            )
        self.size = (size + 1) // 2
        if self._ranks.first:
            _log.warning(
                "out of memory (%s): %d images at a time instead of %d, the batch stays what it is",
                reason,
                self.size,
                size,
            )

    def _remember(self) -> _Generators:
        if self._buffers:
            torch._foreach_copy_(self._copies, self._buffers)
        on_cuda = self._ranks.device.type == "cuda"
        return _Generators(torch.get_rng_state(), torch.cuda.get_rng_state(self._ranks.device) if on_cuda else None)

    def _set_back(self, before: _Generators) -> None:
        with torch.no_grad():
            for buffer, copy in zip(self._buffers, self._copies, strict=True):
                buffer.copy_(copy)
        torch.set_rng_state(before.cpu)
        if before.cuda is not None:
            torch.cuda.set_rng_state(before.cuda, self._ranks.device)
            gc.collect()  # activations may hang on to a cycle of what failed
            torch.cuda.empty_cache()
