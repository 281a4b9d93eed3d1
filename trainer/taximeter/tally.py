"""What the training loop reports, counted in plain Python attributes so that a step pays next to nothing for it."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from taximeter.torch_device import event_on

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = get_args(Split)

Score = Literal["top5_accuracy", "precision", "recall", "f1"]
"""What is known of a classifier beside its accuracy; precision, recall and F1 as their means over the classes."""

Name = Literal["loss", "accuracy", "epoch", "learning_rate", "gradient_norm", "validation loss", "validation accuracy"]
"""Of the training split, where none is named."""

# Upper bounds of the histogram of step times, in seconds: from a small model on a large GPU to a slow step on a CPU.
STEP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_STEP_BOUNDS_NS = [round(bound * 1e9) for bound in STEP_BOUNDS]

# What a value may be: its least and its greatest.
_RANGES: dict[Name, tuple[float, float]] = {
    "accuracy": (0, 1),
    "validation accuracy": (0, 1),
    "gradient_norm": (0, math.inf),
    "epoch": (0, math.inf),
}

_log = logging.getLogger("taximeter")

_Then = Callable[[float], None]


class _Coming(NamedTuple):
    """A value on its way from a device, which is there once the device has come to the event."""

    name: Name
    copy: Any
    event: Any
    then: _Then | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What was reported until one moment."""

    steps: int
    samples: int
    passes: int
    """Loops over a loader that ran to the loader's end: epochs, for a loader that yields the data set once."""
    step_counts: tuple[int, ...]
    """Steps by duration: one number for each of `STEP_BOUNDS`, which it does not exceed, and one for longer ones."""
    step_ns: int
    bytes_read: int | None
    """`None` if the loop does not say."""
    out_of_memory: int
    peak_memory: int | None
    """In bytes; `None` if the loop does not say."""
    epoch: float | None
    learning_rate: float | None
    gradient_norm: float | None
    loss: dict[Split, float]
    """Those that are finite."""
    steps_without_loss: int | None
    """Since a loss of the training was read that is not finite; `None` unless the last one was such."""
    accuracy: dict[Split, float]
    scores: dict[tuple[Score, Split], float]
    best_accuracy: float | None
    """The best on the validation split."""


class Tally:
    """Counts steps and keeps the last value of everything that was logged.

    A value that is still on an accelerator stays there; about once a second, when the loop `tend`s it, a copy of the
    last ones is asked for, and taken a second later, when the accelerator has long come to it: no step waits for it.
    All of that the loop's own thread does, since a CUDA graph that is being captured bears no call from another.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.samples = 0
        self.passes = 0
        self._step_counts = [0] * (len(STEP_BOUNDS) + 1)
        self._step_ns = 0
        self._bytes_read: int | None = None
        self.out_of_memory = 0
        self._peak_memory: int | None = None
        self.latest: dict[Name, Any] = {}
        """What was logged last, as it came: the loop puts it here, since a step has no time for more."""
        self._asked: dict[Name, Any] = {}
        self._coming: deque[_Coming] = deque()
        self._numbers: dict[Name, float] = {}
        self._steps_with_loss: int | None = None
        self._scores: dict[tuple[Score, Split], float] = {}
        self.best_accuracy: float | None = None
        self._complained: set[Name] = set()
        self._closed = False

    def count_steps(self, samples: Sequence[int]) -> None:
        """Count steps, each of which trained on so many samples."""
        # No lock: only the loop counts, each number is read whole, and a lock would cost more than the counting.
        if not self._closed:
            self.steps += len(samples)
            self.samples += sum(samples)

    def count_step_times(self, nanoseconds: Sequence[int]) -> None:
        """Count how long steps took."""
        if not self._closed:
            self._step_ns += sum(nanoseconds)
            for duration in nanoseconds:
                self._step_counts[bisect_left(_STEP_BOUNDS_NS, duration)] += 1

    def read_bytes(self, count: int) -> None:
        """Count bytes that were read from storage."""
        if not self._closed:
            self._bytes_read = (self._bytes_read or 0) + count

    def count_out_of_memory(self) -> None:
        """Count a time that the device's memory did not suffice."""
        self.out_of_memory += not self._closed

    def log_memory(self, peak_bytes: int) -> None:
        """Take the most memory that was in use."""
        if not self._closed:
            self._peak_memory = peak_bytes

    def complete_pass(self) -> None:
        """Count a loop over a loader that ran to its end."""
        self.passes += not self._closed

    def log_validation(self, name: Name, value: Any, then: _Then | None = None) -> None:
        """Take a value of which each counts, and not the last alone: a number, or a tensor of one element.

        `then` is called with the number once it has been read, unless it is none, or not finite.
        """
        if self._closed:
            return
        if _is_on_device(value):
            self._ask(name, value.detach(), then)
            return
        while any(coming.name == name for coming in self._coming):
            self._take(self._coming.popleft(), wait=True)
        self._keep(name, value, then)

    def log_score(self, score: Score, split: Split, value: float) -> None:
        """Take a score. Raises `ValueError` if it is not from 0 to 1."""
        if not 0 <= value <= 1:
            raise ValueError(f"{value} is not from 0 to 1")
        if not self._closed:
            self._scores[score, split] = value

    def tend(self) -> None:
        """Take what came from a device, and ask for what is new there. To be called about once a second."""
        try:
            while self._coming and self._coming[0].event.query():
                self._take(self._coming.popleft(), wait=False)
        except Exception as wrong:  # whatever a device raises must not end the training
            self._complain(self._coming.popleft().name, wrong)
        for name, value in self.latest.copy().items():
            if _is_on_device(value) and self._asked.get(name) is not value:
                self._asked[name] = value
                self._ask(name, value.detach(), None)

    def close(self) -> None:
        """Read the last values, and wait for them if need be; what is reported later does not count."""
        if self._closed:
            return
        self._closed = True
        self.latest = self.latest.copy()  # no longer the one that the loop writes to
        while self._coming:
            self._take(self._coming.popleft(), wait=True)
        for name, value in self.latest.items():
            self._keep(name, value, None)

    def read(self) -> Reported:
        """What was reported until now."""
        if not self._closed:
            for name, value in self.latest.copy().items():
                if not _is_on_device(value):
                    self._keep(name, value, None)
        numbers, steps_with_loss = self._numbers.copy(), self._steps_with_loss
        return Reported(
            steps=self.steps,
            samples=self.samples,
            passes=self.passes,
            step_counts=tuple(self._step_counts),
            step_ns=self._step_ns,
            bytes_read=self._bytes_read,
            out_of_memory=self.out_of_memory,
            peak_memory=self._peak_memory,
            epoch=numbers.get("epoch"),
            learning_rate=numbers.get("learning_rate"),
            gradient_norm=numbers.get("gradient_norm"),
            loss=_by_split(numbers, "loss", "validation loss"),
            steps_without_loss=None if steps_with_loss is None else self.steps - steps_with_loss,
            accuracy=_by_split(numbers, "accuracy", "validation accuracy"),
            scores=self._scores.copy(),
            best_accuracy=self.best_accuracy,
        )

    def _ask(self, name: Name, value: Any, then: _Then | None) -> None:
        try:
            copy = value.to("cpu", non_blocking=True)
            event = event_on(value.device)
            event.record()
        except Exception as wrong:  # whatever a device raises must not end the training
            self._complain(name, wrong)
        else:
            self._coming.append(_Coming(name, copy, event, then))

    def _take(self, coming: _Coming, *, wait: bool) -> None:
        try:
            if wait:
                coming.event.synchronize()
        except Exception as wrong:  # whatever a device raises must not end the training
            self._complain(coming.name, wrong)
        else:
            self._keep(coming.name, coming.copy, coming.then)

    def _keep(self, name: Name, value: Any, then: _Then | None) -> None:
        try:
            number = _finite(value)
            if name == "loss":
                self._tell_finite(number is not None)
            if number is not None and name in _RANGES:
                least, greatest = _RANGES[name]
                if not least <= number <= greatest:
                    raise ValueError(
                        f"{number} is below {least}" if greatest == math.inf else f"{number} is not from 0 to 1"
                    )
        except Exception as wrong:  # whatever a tensor raises must not end the training
            number = None
            self._complain(name, wrong)
        if number is None:
            self._numbers.pop(name, None)
            return
        self._numbers[name] = number
        if name == "validation accuracy":
            self.best_accuracy = number if self.best_accuracy is None else max(self.best_accuracy, number)
        if then is not None:
            then(number)

    def _tell_finite(self, finite: bool) -> None:
        if finite:
            self._steps_with_loss = None
        elif self._steps_with_loss is None:
            self._steps_with_loss = self.steps

    def _complain(self, name: Name, wrong: Exception) -> None:
        if name not in self._complained:
            self._complained.add(name)
            _log.warning("%s is not what it should be, and is left out: %s", name, wrong)


def _by_split(numbers: dict[Name, float], train: Name, validation: Name) -> dict[Split, float]:
    named: dict[Split, Name] = {"train": train, "validation": validation}
    return {split: numbers[name] for split, name in named.items() if name in numbers}


def _is_on_device(value: Any) -> bool:
    # Duck-typed: torch is not imported for the sake of a type. On the CPU there is no device to wait for.
    return type(value) is not float and not getattr(value, "is_cpu", True)


def _finite(value: Any) -> float | None:
    # item() is a tensor's, and an array's, and says nothing of gradients.
    number = value if type(value) is float else float(value.item() if hasattr(value, "item") else value)
    return number if math.isfinite(number) else None
