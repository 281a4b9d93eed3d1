"""What a training loop asks of its meter in every step, and nothing else.

A step's work leaves nothing of the meter in the processor's caches, and each function and each object that is touched
after it costs about a microsecond, whatever it does. So these are functions that call no others but in rare cases, over
slots that lie side by side, without an `int` added to a `float`, which alone would cost 4 µs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taximeter.phases import PHASES, Block, Phase, PhaseTimes
from taximeter.tally import Name, Split

CALM_SECONDS = 60.0
"""As long as a budget pays for so much more, that it does is all that a step has to know."""

_MOST_MARKS = 20_000
"""Put aside in a program without steps, where nobody else takes them away."""


class InStep:
    """The part of `Meter` that a step calls. What is rare is the meter's own."""

    __slots__ = ("_add_up", "_blocks", "_calm_until_ns", "_clock", "_latest", "_marks")

    _add_up: Callable[[], None]
    _blocks: dict[Phase, Block]
    _calm_until_ns: int
    _clock: Callable[[], int]
    _latest: dict[Name, Any]
    _marks: list[Any]

    def phase(self, phase: Phase) -> Block:
        """The time of this block goes into that phase; then the phase before goes on."""
        if len(self._marks) > _MOST_MARKS:
            self._add_up()
        try:
            return self._blocks[phase]
        except (KeyError, TypeError):
            return self._blocks[self._unknown_phase(phase)]

    def log(
        self,
        *,
        loss: Any = None,
        accuracy: Any = None,
        split: Split = "train",
        epoch: float | None = None,
        learning_rate: Any = None,
        grad_norm: Any = None,
    ) -> None:
        """Report where the training stands. What is left out keeps its value.

        Values may be tensors of one element, `accuracy` is from 0 to 1; on an accelerator they stay there, and are
        read about once a second in the background. Such a tensor must not be changed in place afterwards.
        """
        latest = self._latest
        if split == "train":
            if loss is not None:
                # Without its graph, which would hold the memory of a step until the next.
                latest["loss"] = loss.detach() if getattr(loss, "requires_grad", False) else loss
            if accuracy is not None:
                latest["accuracy"] = accuracy
        else:
            self._log_apart(split, loss, accuracy)
        if epoch is not None:
            latest["epoch"] = epoch
        if learning_rate is not None:
            latest["learning_rate"] = learning_rate
        if grad_norm is not None:
            latest["gradient_norm"] = grad_norm

    def affords(self, seconds: float = 0.0) -> bool:
        """Whether the run can go on for so long: what it has cost, and the price × `seconds`, are within its budget.

        True without a budget; and, said once, with one while no price is known in its currency. Quick enough to be
        asked after each step.
        """
        try:
            if 0.0 <= seconds <= CALM_SECONDS and self._clock() < self._calm_until_ns:
                return True
        except TypeError:
            """Not a number, which is said below."""
        return self._affords_exactly(seconds)

    def _follow(self, phases: PhaseTimes) -> None:
        """Put what the loop marks there from now on."""
        self._add_up, self._marks = phases.add_up, phases.marks
        self._blocks = {phase: Block(phases, phase) for phase in PHASES}

    def _unknown_phase(self, phase: Any) -> Phase:
        raise NotImplementedError

    def _log_apart(self, split: Any, loss: Any, accuracy: Any) -> None:
        raise NotImplementedError

    def _affords_exactly(self, seconds: Any) -> bool:
        raise NotImplementedError
