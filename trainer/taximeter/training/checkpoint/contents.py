"""What a checkpoint holds: the state of every part of a training run, by the part's name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from taximeter.training.checkpoint.error import CheckpointError


class Stateful(Protocol):
    """A part whose state can be taken and put back: model, optimiser, schedule, loader, meter, …"""

    def state_dict(self) -> Any:
        """The state, of tensors and plain values alone."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Go on from there."""


def capture(parts: Mapping[str, Stateful]) -> dict[str, Any]:
    """The state of all parts. Refers to their tensors: to be written before the training goes on."""
    return {name: part.state_dict() for name, part in parts.items()}


def restore(path: Path, contents: Mapping[str, Any], parts: Mapping[str, Stateful]) -> None:
    """Put back the state of all parts, in their order.

    Raises `CheckpointError` if one is missing in the checkpoint or does not fit; `path` is what it is then called.
    """
    for name, part in parts.items():
        if name not in contents:
            raise CheckpointError(f"{path}: has no {name}; begin a new run without --resume")
        try:
            part.load_state_dict(contents[name])
        except (KeyError, TypeError, ValueError, RuntimeError) as wrong:
            raise CheckpointError(
                f"{path}: its {name} does not fit: {_reason(wrong)}; begin a new run without --resume"
            ) from None


def size_bytes(contents: Any) -> int:
    """What the tensors in a nested value take, as far as they are not the same twice."""
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in _tensors(contents)}.values())


class Rescheduled:
    """A schedule that goes on over another number of epochs than the checkpoint's: at the same step of its new course.

    To be restored after the optimiser, whose learning rates it sets as if it had always been this schedule.
    """

    def __init__(self, schedule: LRScheduler, optimizer: Optimizer, *, steps: int) -> None:
        with warnings.catch_warnings():
            # torch warns of a schedule that steps without its optimiser.
            warnings.simplefilter("ignore", UserWarning)
            for _ in range(steps):
                schedule.step()
        self._schedule = schedule
        self._optimizer = optimizer
        self._groups = [
            {key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups
        ]

    def state_dict(self) -> Any:
        """The new schedule's."""
        return self._schedule.state_dict()

    def load_state_dict(self, _state: Any) -> None:
        """Leave the checkpoint's schedule where it is, and set the optimiser's groups to the new one's."""
        for group, course in zip(self._optimizer.param_groups, self._groups, strict=True):
            group.update(course)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _tensors(inner)


def _reason(wrong: Exception) -> str:
    """In one line: torch gives a heading, and then a line for each tensor."""
    lines = [line.strip() for line in str(wrong).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 else lines[0] if lines else type(wrong).__name__
