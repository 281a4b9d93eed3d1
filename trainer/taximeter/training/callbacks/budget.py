"""Stops a training before it costs more than it may."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal

from taximeter import Meter
from taximeter.bill import show
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.checkpointing import Checkpointing
from taximeter.training.engine.state import TrainState

FIRST_STEP_SECONDS = 1.0
"""What is assumed of the first step, of which nothing is known."""
FIRST_COMPILED_STEP_SECONDS = 60.0
"""The same where the model is compiled in it."""

_MARGIN = 1.2
"""On evaluations and checkpoints, of which few were measured: this much longer than the longest."""
_RECENT_STEPS = 50
_RECENT_EVALUATIONS = 5


class Budget(Callback):
    """Before each step: spent + price × (the step + an evaluation + a checkpoint) ≤ budget, or the training ends here.

    What each will take is the longest of the recent ones in this process, and a margin on the rare ones. Until there
    is one, it is assumed: of the first step so many seconds; of an evaluation as many steps as it has batches, although
    it computes no gradients; of a checkpoint what `Checkpointing` says. The first step of all is left out as soon as
    there is a second one: it loads kernels, or compiles.

    Each epoch begins with a forecast by what the one before it cost: `state.forecast`.

    To be called after the callbacks that set `state.stop` and before `checkpointing`, whose checkpoint it foresees.
    Does nothing where the meter has no budget.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        evaluation_steps: float,
        checkpointing: Checkpointing | None,
        first_step_seconds: float = FIRST_STEP_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._meter = meter
        self._evaluation_steps = evaluation_steps
        self._checkpointing = checkpointing
        self._first_step_seconds = first_step_seconds
        self._clock = clock
        self._steps: deque[float] = deque(maxlen=_RECENT_STEPS)
        self._evaluations: deque[float] = deque(maxlen=_RECENT_EVALUATIONS)
        self._measured = 0
        self._before = 0.0
        self._epoch_began: tuple[float, Decimal] | None = None
        self.reason: str | None = None
        """Why the training was stopped, for a person."""

    def train_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._check(state, due=False)

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        now, spent = self._clock(), None if self._meter.budget is None else self._meter.budget.spent()
        if spent is not None:
            if self._epoch_began is not None:
                seconds, cost = now - self._epoch_began[0], spent - self._epoch_began[1]
                state.forecast = self._foresee(state, spent, cost, seconds)
            whole = state.steps_in_epoch == 0
            self._epoch_began = (now, spent) if whole else None
        self._start()

    def step_end(self, state: TrainState) -> None:
        """See `Callback`."""
        self._steps.append(self._passed())
        self._measured += 1
        if self._measured == 2:
            self._steps.popleft()
        if state.steps_in_epoch < state.steps_per_epoch:  # else evaluation and checkpoint are paid for
            self._check(state, due=self._due(state))
        self._start()

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        self._evaluations.append(self._passed())
        if state.epochs_done < state.epochs:
            self._check(state, due=self._due(state))

    def _start(self) -> None:
        self._before = self._clock() - self._checkpoints_so_far()

    def _passed(self) -> float:
        """Seconds since `_start`, without the checkpoint that may have been written since."""
        return self._clock() - self._checkpoints_so_far() - self._before

    def _due(self, state: TrainState) -> bool:
        return self._checkpointing is not None and self._checkpointing.due(state)

    def _check(self, state: TrainState, *, due: bool) -> None:
        """Whether the next step can be afforded, with `due` after a checkpoint that is written at this very place."""
        budget = self._meter.budget
        if budget is None or state.stop is not None:
            return
        step, evaluation, checkpoint = self._expected(state)
        seconds = step + evaluation + checkpoint * (2 if due else 1)
        if self._meter.affords(seconds):
            return
        state.stop = "budget"
        spent, limit = (show({budget.currency: amount}) for amount in (budget.spent() or Decimal(0), budget.limit))
        if state.step == 0:
            what = f"start-up has cost {spent} of the budget of {limit}: too little is left for a step"
        else:
            what = f"{spent} of the budget of {limit} are spent at step {state.step}: too little is left for another"
        foreseen = {"step": step, "evaluation": evaluation, "checkpoint": checkpoint}
        parts = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in foreseen.items() if seconds)
        self.reason = f"{what} (foreseen: {parts})"

    def _expected(self, state: TrainState) -> tuple[float, float, float]:
        """Seconds of the next step, of an evaluation and of a checkpoint."""
        step = max(self._steps, default=self._first_step_seconds)
        if self._evaluations:
            evaluation = max(self._evaluations) * _MARGIN
        elif self._measured >= 2 or state.steps_in_epoch + 1 >= state.steps_per_epoch:
            evaluation = self._evaluation_steps * step
        else:
            evaluation = 0.0  # there will be a better guess before there is an evaluation
        checkpoint = 0.0 if self._checkpointing is None else self._checkpointing.expected_seconds() * _MARGIN
        return step, evaluation, checkpoint

    def _foresee(self, state: TrainState, spent: Decimal, epoch_cost: Decimal, epoch_seconds: float) -> str | None:
        budget = self._meter.budget
        if budget is None or not epoch_cost or not epoch_seconds:
            return None
        left = budget.limit - spent
        to_finish = epoch_cost * (state.epochs - state.epochs_done)
        if to_finish <= left:
            return f"{show({budget.currency: to_finish})} to finish, within the budget"
        kept_back = epoch_cost * Decimal(sum(self._expected(state)) / epoch_seconds)
        return f"this budget ends in epoch {state.epoch + max(0, int((left - kept_back) / epoch_cost))}"

    def _checkpoints_so_far(self) -> float:
        return 0.0 if self._checkpointing is None else self._checkpointing.seconds
