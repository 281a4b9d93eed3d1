"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from taximeter import Meter
from taximeter.training.callbacks.base import Callback, Hooks
from taximeter.training.engine.loss_watch import LossWatch
from taximeter.training.engine.parts import Parts
from taximeter.training.engine.state import StopReason, TrainState
from taximeter.training.engine.step import TrainStep
from taximeter.training.errors import NotFinite
from taximeter.training.evaluation.evaluate import evaluate

# By weight: where ranks have several reasons to stop, the last one holds.
_REASONS: tuple[StopReason | None, ...] = (None, *reversed(get_args(StopReason)))


def train(
    parts: Parts,
    step: TrainStep,
    *,
    state: TrainState,
    meter: Meter,
    callbacks: Sequence[Callback],
    should_stop: Callable[[], bool],
) -> TrainState:
    """Train from where the state stands to its last epoch, or until a callback or `should_stop` says otherwise.

    The loop, and where its time goes:

        train_begin
        stop, if rank 0 says so
        for each epoch:
            epoch_begin
            for each batch:                     data_wait
                to the device                   transfer
                forward, loss, backward         forward_backward
                optimizer, schedule, average    optimizer
                step_look, if it is time        forward_backward
                step_end                        forward_backward
                is the loss a number?           forward_backward
                stop, if rank 0 says so
            unless stopped:
                evaluate                        evaluation
                epoch_end                       other
                stop, if rank 0 says so
        if stopped: train_stop                  other
        train_end                               other

    `should_stop` is asked after each step, within an evaluation, which is then given up, and after each epoch; on
    whichever rank it answers yes, all stop at the same place. Other reasons are rank 0's to decide.

    Raises `NotFinite` if the loss is no number any more, before an `epoch_end` could keep such weights; what callbacks
    raise ends the training too. Then `state.stop` is `None`.
    """
    hooks = Hooks(callbacks)
    try:
        hooks.call("train_begin", state)
        _agree(parts, state, should_stop)
        while state.epochs_done < state.epochs and state.stop is None:
            parts.model.train()
            state.begin_epoch(state.epochs_done + 1)
            hooks.call("epoch_begin", state)
            _train_epoch(parts, step, state, meter, hooks, should_stop)
            if state.stop is None:
                if _evaluate(parts, state, meter, should_stop):
                    hooks.call("epoch_end", state)
                _agree(parts, state, should_stop)
        if state.stop is not None:
            hooks.call("train_stop", state)
    except BaseException:
        state.stop = None
        raise
    finally:
        hooks.call("train_end", state)
    return state


def _train_epoch(
    parts: Parts, step: TrainStep, state: TrainState, meter: Meter, hooks: Hooks, should_stop: Callable[[], bool]
) -> None:
    """Do what is left of the epoch, unless it is to stop."""
    if parts.batches.state_dict()["epoch"] > state.epochs_done:
        return  # a checkpoint from an evaluation that was given up: all batches had been trained on
    watch = LossWatch()
    (mark, now), pace = meter.marking(), state.pace
    for batch in meter.steps(parts.batches, samples=parts.batch_size, first="transfer"):
        images, labels = parts.batches.to_device(*batch)
        mark((now(), "forward_backward"))
        step.forward_backward(images, labels, state)
        mark((now(), "optimizer"))
        step.optimize(state)
        ended = now()
        mark((ended, "forward_backward"))
        pace.ends.append(ended)
        if ended >= pace.look_at:
            hooks.call("step_look", state)
        hooks.call("step_end", state)
        watch.look(state)
        _agree(parts, state, should_stop)
        if state.stop is not None and state.steps_in_epoch < state.steps_per_epoch:
            return  # else the loop ends by itself, and the epoch's batches are all done with


def _evaluate(parts: Parts, state: TrainState, meter: Meter, should_stop: Callable[[], bool]) -> bool:
    """Returns whether it was done to its end: who is told to stop may have no time for it."""
    with meter.phase("evaluation"):
        parts.ranks.average_buffers(parts.model)
        if parts.ema is not None:
            parts.ranks.average_buffers(parts.ema.model)
        validation = evaluate(
            parts.judged, parts.validation, precision=parts.precision, ranks=parts.ranks, should_stop=should_stop
        )
    if validation is None:
        return False
    state.check_finite()
    if not validation.finite:
        raise NotFinite(f"epoch {state.epoch}: the validation loss is {validation.loss}")
    state.complete_epoch(validation)
    return True


def _agree(parts: Parts, state: TrainState, should_stop: Callable[[], bool]) -> None:
    """Let all ranks have the same reason to stop, or none."""
    wish: StopReason | None = "interrupted" if should_stop() else state.stop if parts.ranks.first else None
    state.stop = _REASONS[parts.ranks.largest(_REASONS.index(wish))]
