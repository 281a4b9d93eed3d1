"""What the training loop reports, counted in plain Python attributes so that a step pays next to nothing for it."""

from __future__ import annotations

import logging
import math
import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = get_args(Split)

Name = Literal["loss", "accuracy", "gradient_norm", "learning_rate", "epoch"]

# Upper bounds of the histogram of step times, in seconds: from a small model on a large GPU to a slow step on a CPU.
STEP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_STEP_BOUNDS_NS = [round(bound * 1e9) for bound in STEP_BOUNDS]
_FLUSH_SECONDS = 1.0

# What a value may be: its least and its greatest.
_RANGES: dict[Name, tuple[float, float]] = {
    "accuracy": (0, 1),
    "gradient_norm": (0, math.inf),
    "epoch": (0, math.inf),
}

_log = logging.getLogger("taximeter")

_Key = tuple[Name, Split | None]
_Then = Callable[[float], None]


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
    accuracy: dict[Split, float]
    best_accuracy: float | None
    """The best on the validation split."""


class Tally:
    """Counts steps and keeps the last value of everything that was logged.

    The training loop writes. A value that is still on an accelerator stays there until a thread of the tally's own
    reads it, about once a second, so that no step waits for the device.
    """

    def __init__(self) -> None:
        # Re-entrant, since a signal handler that ends the meter can interrupt the thread that holds it.
        self._lock = threading.RLock()
        self._steps = 0
        self._samples = 0
        self._passes = 0
        self._step_counts = [0] * (len(STEP_BOUNDS) + 1)
        self._step_ns = 0
        self._bytes_read: int | None = None
        self._out_of_memory = 0
        self._peak_memory: int | None = None
        self._values: dict[_Key, float] = {}
        self._best_accuracy: float | None = None
        self._on_device: dict[_Key, tuple[Any, _Then | None]] = {}
        self._complained: set[_Key] = set()
        self._flusher: threading.Thread | None = None
        self._closing = threading.Event()
        self._closed = False

    def step(self, nanoseconds: int, samples: int) -> None:
        """Count a step that took so long and trained on so many samples."""
        # No lock: only the loop counts, each number is read whole, and a lock would cost more than the counting.
        if not self._closed:
            self._steps += 1
            self._samples += samples
            self._step_ns += nanoseconds
            self._step_counts[bisect_left(_STEP_BOUNDS_NS, nanoseconds)] += 1

    def read_bytes(self, count: int) -> None:
        """Count bytes that were read from storage."""
        with self._lock:
            if not self._closed:
                self._bytes_read = (self._bytes_read or 0) + count

    def count_out_of_memory(self) -> None:
        """Count a time that the device's memory did not suffice."""
        self._out_of_memory += not self._closed

    def log_memory(self, peak_bytes: int) -> None:
        """Take the most memory that was in use."""
        if not self._closed:
            self._peak_memory = peak_bytes

    def complete_pass(self) -> None:
        """Count a loop over a loader that ran to its end."""
        self._passes += not self._closed

    def log(self, name: Name, split: Split | None, value: Any, then: _Then | None = None) -> None:
        """Take a value: a number, or a tensor of one element on whatever device; `split` where it has one.

        `then` is called with the number once it has been read, unless it is none, or not finite.
        """
        if self._closed:
            return
        key = (name, split)
        if not _is_on_device(value):
            if self._on_device:
                with self._lock:
                    self._on_device.pop(key, None)
            self._keep(key, value, then)
            return
        if key == ("accuracy", "validation") and key in self._on_device:
            self.flush()  # else an accuracy that nobody has read yet, and may be the best, would be lost
        with self._lock:
            self._on_device[key] = value.detach(), then
        self._start_flusher()

    def flush(self) -> None:
        """Read what is still on a device; waits for the device."""
        with self._lock:
            waiting, self._on_device = self._on_device, {}
        for key, (value, then) in waiting.items():
            self._keep(key, value, then)

    def close(self) -> None:
        """Read the last values and end the tally's thread, if it had one; what is reported later does not count."""
        self._closing.set()
        if self._flusher is not None:
            self._flusher.join(timeout=_FLUSH_SECONDS)
            self._flusher = None
        self.flush()
        self._closed = True

    def read(self) -> Reported:
        """What was reported until now."""
        values = self._values.copy()
        return Reported(
            steps=self._steps,
            samples=self._samples,
            passes=self._passes,
            step_counts=tuple(self._step_counts),
            step_ns=self._step_ns,
            bytes_read=self._bytes_read,
            out_of_memory=self._out_of_memory,
            peak_memory=self._peak_memory,
            epoch=values.get(("epoch", None)),
            learning_rate=values.get(("learning_rate", None)),
            gradient_norm=values.get(("gradient_norm", None)),
            loss={split: values["loss", split] for split in SPLITS if ("loss", split) in values},
            accuracy={split: values["accuracy", split] for split in SPLITS if ("accuracy", split) in values},
            best_accuracy=self._best_accuracy,
        )

    def _keep(self, key: _Key, value: Any, then: _Then | None) -> None:
        try:
            number = _finite(value)
            if number is not None and key[0] in _RANGES:
                least, greatest = _RANGES[key[0]]
                if not least <= number <= greatest:
                    raise ValueError(
                        f"{number} is below {least}" if greatest == math.inf else f"{number} is not from 0 to 1"
                    )
        except Exception as wrong:  # whatever a tensor raises must not end the training
            number = None
            if key not in self._complained:
                self._complained.add(key)
                what = key[0] if key[1] is None else f"{key[0]} of the {key[1]} split"
                _log.warning("%s is not what it should be, and is left out: %s", what, wrong)
        if number is None:
            self._values.pop(key, None)
            return
        self._values[key] = number
        if key == ("accuracy", "validation"):
            with self._lock:
                self._best_accuracy = number if self._best_accuracy is None else max(self._best_accuracy, number)
        if then is not None:
            then(number)

    def _start_flusher(self) -> None:
        if self._flusher is None and not self._closing.is_set():
            self._flusher = threading.Thread(target=self._flush_in_background, name="taximeter-flush", daemon=True)
            self._flusher.start()

    def _flush_in_background(self) -> None:
        while not self._closing.wait(_FLUSH_SECONDS):
            self.flush()


def _is_on_device(value: Any) -> bool:
    # Duck-typed: torch is not imported for the sake of a type. On the CPU there is no device to wait for.
    return type(value) is not float and not getattr(value, "is_cpu", True)


def _finite(value: Any) -> float | None:
    number = value if type(value) is float else float(value.detach() if hasattr(value, "detach") else value)
    return number if math.isfinite(number) else None
