"""How long a training is meant to go on, and how much of that is left."""

from __future__ import annotations

from dataclasses import dataclass

from taximeter.done import Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The length of a whole run, with the parts that came before; what is `None` is not known."""

    epochs: float | None = None
    steps: int | None = None
    target_accuracy: float | None = None
    """On the validation split, 0 to 1."""

    def remaining_seconds(self, done: Done, *, steps_per_pass: int | None) -> float | None:
        """How long the run will go on, at the mean pace so far; `None` if that cannot be told.

        Steps left × (time so far without start-up and compilation) / steps done, so that a step bears its share of
        evaluations and checkpoints; where the steps of an epoch are not known, the same with epochs.
        """
        paced_ns = sum(ns for phase, ns in done.phases_ns.items() if phase not in ("startup", "compile"))
        steps = self.steps
        if steps is None and self.epochs is not None and steps_per_pass is not None:
            steps = round(self.epochs * steps_per_pass)
        if steps is not None and done.steps:
            return max(0, steps - done.kept_steps) * paced_ns / done.steps / 1e9
        if self.epochs is not None and done.passes:
            return max(0.0, self.epochs - done.passes) * paced_ns / done.passes / 1e9
        return None
