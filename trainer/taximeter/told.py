"""What a program tells its meter now and then, beside its steps. Nothing of it ever raises into the training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from taximeter.account import Account
from taximeter.batches import samples_in
from taximeter.flops import flops_of
from taximeter.in_step import InStep
from taximeter.phases import PHASES, Phase
from taximeter.plan import Plan
from taximeter.tally import SPLITS, Score, Split, Tally

_SPLITS = ", ".join(SPLITS)

_log = logging.getLogger("taximeter")


class Told(InStep):
    """The part of `Meter` that takes what it is told, and says once of each kind what it had to leave out."""

    _account: Account
    _tally: Tally

    def __init__(self) -> None:
        self._tellers: list[Callable[[], object]] = []
        self._complaints: set[str] = set()

    def plan(
        self, *, epochs: float | None = None, steps: int | None = None, target_accuracy: float | None = None
    ) -> None:
        """Say how long the whole run is meant to go on, for the forecast, and what accuracy (0 to 1) it is for.

        `epochs` are loops over the loader; `steps` turns of the loop, and say it more exactly where both are given.
        """
        try:
            for name, value in (("epochs", epochs), ("steps", steps), ("target_accuracy", target_accuracy)):
                if value is not None and not 0 < value < float("inf"):
                    raise ValueError(f"{name} is {value!r}, which is not above 0")
            if target_accuracy is not None:
                if target_accuracy > 1:
                    raise ValueError(f"target_accuracy is {target_accuracy!r}, which is not from 0 to 1")
                self._account.milestones.aim(target_accuracy)
            self._account.plan = Plan(epochs=epochs, steps=steps, target_accuracy=target_accuracy)
        except (TypeError, ValueError) as wrong:
            self._complain("plan", f"the plan is not what it should be, and is left out: {wrong}")

    def each_second(self, tell: Callable[[], object]) -> None:
        """Have this called about once a second, and when a loop over `steps` ends, by the loop's own thread.

        For what a step had no time to `log`.
        """
        self._tellers.append(tell)

    def read_bytes(self, count: int) -> None:
        """Say that so many bytes were read from storage, which the exporter bills as transfer where it has a price."""
        if not _is_count(count):
            self._complain("bytes", f"read bytes {count!r} is not a number of bytes, and is left out")
            return
        self._tally.read_bytes(count)

    def count_oom(self) -> None:
        """Say that the device's memory did not suffice, and the training goes on all the same."""
        self._tally.count_out_of_memory()

    def log_memory(self, peak_bytes: int) -> None:
        """Say how much of the device's memory was in use at most. Not needed with CUDA: there the meter asks torch."""
        if not _is_count(peak_bytes):
            self._complain("memory", f"peak memory {peak_bytes!r} is not a number of bytes, and is left out")
            return
        self._tally.log_memory(peak_bytes)

    def log_flops(self, *, per_sample: float, peak_per_second: float | None = None) -> None:
        """Say how many floating-point operations a step takes for each sample, and how many the device can do.

        A multiplication and an addition are two. Where the peak is not known, it is left out.
        """
        if not is_positive(per_sample) or not (peak_per_second is None or is_positive(peak_per_second)):
            given = f"per_sample {per_sample!r}, peak_per_second {peak_per_second!r}"
            self._complain("flops", f"the operations are not numbers above 0, and are left out: {given}")
            return
        self._add_up()
        self._account.flops.change(float(per_sample), samples=self._tally.samples)
        self._account.flops.peak_per_second = peak_per_second

    def measure_flops(self, model: Any, batch: Any, *, peak_per_second: float | None = None) -> float | None:
        """Count once what a step on this batch takes, forward and backward, without carrying it out.

        `model` is the module as it is before `torch.compile` and DDP; `batch` is the tensor that it is called with,
        samples first, or a tuple of its arguments. Returns the operations of the batch; `None`, and says why, if they
        cannot be counted.
        """
        try:
            flops = flops_of(model, batch)
            self.log_flops(per_sample=flops / samples_in(batch), peak_per_second=peak_per_second)
        except Exception as wrong:  # a model that cannot be counted must not end the training
            self._complain("flops", f"the model's operations could not be counted, and are left out: {wrong!r}")
            return None
        return flops

    def lost(self, *, steps: int, seconds: float) -> None:
        """Say that so much of what was done did not stay in the model, and has to be done again.

        For a loop that goes back to a checkpoint by itself; `seconds` are those of the steps. What a kill lost, the
        meter finds by its journal.
        """
        if not _is_count(steps) or not (seconds == 0 or is_positive(seconds)):
            self._complain("lost", f"lost steps {steps!r}, seconds {seconds!r}: not numbers from 0, and left out")
            return
        self._account.lost_steps += steps
        self._account.lost_ns += round(seconds * 1e9)

    def log_scores(
        self,
        *,
        split: Split = "validation",
        top5_accuracy: float | None = None,
        precision: float | None = None,
        recall: float | None = None,
        f1: float | None = None,
    ) -> None:
        """Report how good a classifier is, from 0 to 1; the last three as their means over the classes.

        Plain numbers, or tensors, which are waited for. What is left out keeps its value.
        """
        if not self._is_split(split):
            return
        scores: dict[Score, float | None] = {
            "top5_accuracy": top5_accuracy,
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }
        for name, value in scores.items():
            if value is not None:
                try:
                    self._tally.log_score(name, split, float(value))
                except Exception as wrong:  # whatever a tensor raises must not end the training
                    self._complain(name, f"{name} is not what it should be, and is left out: {wrong}")

    def _log_apart(self, split: Any, loss: Any, accuracy: Any) -> None:
        if not self._is_split(split):
            return
        if loss is not None:
            self._tally.log_validation("validation loss", loss)
        if accuracy is not None:
            self._tally.log_validation("validation accuracy", accuracy, self._account.reacher())

    def _unknown_phase(self, phase: Any) -> Phase:
        known = ", ".join(PHASES)
        self._complain("phase", f"there is no phase {phase!r}, the time goes into 'other'; phases: {known}")
        return "other"

    def _ask_tellers(self) -> None:
        for tell in self._tellers:
            try:
                tell()
            except Exception as wrong:  # whatever the program's function raises must not end the training
                self._complain("each second", f"what should be told each second could not be: {wrong!r}")

    def _is_split(self, split: Any) -> bool:
        if split in SPLITS:
            return True
        self._complain("split", f"there is no split {split!r}, its values are left out; splits: {_SPLITS}")
        return False

    def _complain(self, kind: str, complaint: str) -> None:
        if kind not in self._complaints:
            self._complaints.add(kind)
            _log.warning(complaint)


def is_positive(value: Any) -> bool:
    """Whether it is a finite number above 0."""
    return isinstance(value, int | float) and 0 < value < float("inf")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
