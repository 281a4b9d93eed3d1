"""Stops a training before it costs more than it may."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from itertools import pairwise

from taximeter import Meter
from taximeter.bill import show
from taximeter.budget import Budget as MeteredBudget
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.checkpointing import Checkpointing
from taximeter.training.engine.pace import RECENT_STEPS, Pace
from taximeter.training.engine.state import TrainState

FIRST_STEP_SECONDS = 1.0
"""What is assumed of the first step, of which nothing is known."""
FIRST_COMPILED_STEP_SECONDS = 60.0
"""The same where the model is compiled in it."""

_MARGIN = 1.2
"""On evaluations and checkpoints, of which few were measured: this much longer than the longest."""
_RECENT_EVALUATIONS = 5

_LOOK_NS = 1_000_000_000


class Budget(Callback):
    """Before each step: spent + price × (the step + an evaluation + a checkpoint) ≤ budget, or the training ends here.

    What each will take is the longest of the recent ones in this process, and a margin on the rare ones. Until there
    is one, it is assumed: of the first step so many seconds; of an evaluation as many steps as it has batches, although
    it computes no gradients; of a checkpoint what `Checkpointing` says. The first step of all is left out as soon as
    there is a second one: it loads kernels, or compiles.

    Each epoch begins with a forecast by what the one before it cost: `state.forecast`.

    While there is far more than enough for that, it is reckoned about once a second only: enough is what pays for it
    even if a step took all of that second.

    To be called after the callbacks that set `state.stop` and before `checkpointing`, whose checkpoint it foresees.
    """

    def __init__(
        self,
        meter: Meter,
        limit: MeteredBudget,
        *,
        evaluation_steps: float,
        checkpointing: Checkpointing | None,
        first_step_seconds: float = FIRST_STEP_SECONDS,
    ) -> None:
        """`limit` is the meter's budget."""
        self._meter = meter
        self._limit = limit
        self._evaluation_steps = evaluation_steps
        self._checkpointing = checkpointing
        self._first_step_seconds = first_step_seconds
        self._pace = Pace()
        self._steps: deque[float] = deque(maxlen=RECENT_STEPS)
        self._evaluations: deque[float] = deque(maxlen=_RECENT_EVALUATIONS)
        self._measured = 0
        """Steps so far."""
        self._epoch_began: tuple[int, Decimal] | None = None
        self.reason: str | None = None
        """Why the training was stopped, for a person."""
        if checkpointing is not None:
            checkpointing.tell(self._leave_out)

    def train_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        self._pace = state.pace
        self._limit.watch(lambda _until_ns: self._look_soon())
        self._check(state, due=False)

    def epoch_begin(self, state: TrainState) -> None:
        """See `Callback`."""
        now, spent = self._limit.now(), self._limit.spent()
        if spent is not None:
            if self._epoch_began is not None:
                seconds, cost = (now - self._epoch_began[0]) / 1e9, spent - self._epoch_began[1]
                state.forecast = self._foresee(state, spent, cost, seconds)
            whole = state.steps_in_epoch == 0
            self._epoch_began = (now, spent) if whole else None
        self._pace.ends.clear()
        self._pace.ends.append(now)
        self._look_soon()

    def step_look(self, state: TrainState) -> None:
        """See `Callback`."""
        self._measure()
        if state.steps_in_epoch < state.steps_per_epoch:  # else evaluation and checkpoint are paid for
            self._check(state, due=self._due(state))
        until_ns = self._limit.until_ns
        ended = self._pace.ends[-1]
        if self._measured >= 2 and until_ns is not None and ended + self._calm_ns(state) <= until_ns:
            self._pace.look_at = ended + _LOOK_NS
        if self._limit.until_ns is not until_ns:
            self._look_soon()  # the price changed meanwhile

    def epoch_end(self, state: TrainState) -> None:
        """See `Callback`."""
        self._measure()
        self._evaluations.append((self._limit.now() - self._pace.ends[-1]) / 1e9)
        if state.epochs_done < state.epochs:
            self._check(state, due=self._due(state))

    def _look_soon(self) -> None:
        self._pace.look_at = 0

    def _leave_out(self, seconds: float) -> None:
        """Of a checkpoint that was written just now: it is no part of a step."""
        self._measure()
        self._pace.ends[-1] += round(seconds * 1e9)
        self._look_soon()

    def _measure(self) -> None:
        """How long the steps took that ended since the last time."""
        ends = self._pace.ends
        for before, after in pairwise(ends):
            self._steps.append((after - before) / 1e9)
            self._measured += 1
            if self._measured == 2:
                self._steps.popleft()
        while len(ends) > 1:
            ends.popleft()

    def _calm_ns(self, state: TrainState) -> int:
        """With so much left, any step that ends within `_LOOK_NS` can be followed by another, however long it took."""
        step, evaluation, checkpoint = self._expected(state, at_least=_LOOK_NS / 1e9)
        return _LOOK_NS + round((step + evaluation + 2 * checkpoint) * 1e9)

    def _due(self, state: TrainState) -> bool:
        return self._checkpointing is not None and self._checkpointing.due(state)

    def _check(self, state: TrainState, *, due: bool) -> None:
        """Whether the next step can be afforded, with `due` after a checkpoint that is written at this very place."""
        if state.stop is not None:
            return
        step, evaluation, checkpoint = self._expected(state)
        seconds = step + evaluation + checkpoint * (2 if due else 1)
        if self._meter.affords(seconds):
            return
        state.stop = "budget"
        amounts = self._limit.spent() or Decimal(0), self._limit.limit
        spent, limit = (show({self._limit.currency: amount}) for amount in amounts)
        if state.step == 0:
            what = f"start-up has cost {spent} of the budget of {limit}: too little is left for a step"
        else:
            what = f"{spent} of the budget of {limit} are spent at step {state.step}: too little is left for another"
        foreseen = {"step": step, "evaluation": evaluation, "checkpoint": checkpoint}
        parts = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in foreseen.items() if seconds)
        self.reason = f"{what} (foreseen: {parts})"

    def _expected(self, state: TrainState, *, at_least: float = 0.0) -> tuple[float, float, float]:
        """Seconds of the next step, `at_least` so long, of an evaluation and of a checkpoint."""
        step = max(at_least, max(self._steps, default=self._first_step_seconds))
        if self._evaluations:
            evaluation = max(self._evaluations) * _MARGIN
        elif self._measured >= 2 or state.steps_in_epoch + 1 >= state.steps_per_epoch:
            evaluation = self._evaluation_steps * step
        else:
            evaluation = 0.0  # there will be a better guess before there is an evaluation
        checkpoint = 0.0 if self._checkpointing is None else self._checkpointing.expected_seconds() * _MARGIN
        return step, evaluation, checkpoint

    def _foresee(self, state: TrainState, spent: Decimal, epoch_cost: Decimal, epoch_seconds: float) -> str | None:
        if not epoch_cost or not epoch_seconds:
            return None
        left = self._limit.limit - spent
        to_finish = epoch_cost * (state.epochs - state.epochs_done)
        if to_finish <= left:
            return f"{show({self._limit.currency: to_finish})} to finish, within the budget"
        kept_back = epoch_cost * Decimal(sum(self._expected(state)) / epoch_seconds)
        return f"this budget ends in epoch {state.epoch + max(0, int((left - kept_back) / epoch_cost))}"
