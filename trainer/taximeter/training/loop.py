"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from taximeter import Meter
from taximeter.training.callbacks.base import Callback, Hooks
from taximeter.training.data import Batches, Images
from taximeter.training.evaluate import evaluate
from taximeter.training.state import TrainState


def train(
    *,
    model: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    batches: Batches,
    validation: Images,
    epochs: int,
    meter: Meter,
    callbacks: Sequence[Callback],
    should_stop: Callable[[], bool],
) -> TrainState:
    """Train for so many epochs, or until `should_stop`, which is asked after each step.

    The loop, and where its time goes:

        train_begin
        for each epoch:
            epoch_begin
            for each batch:                     data_wait
                forward, loss, backward         forward_backward
                optimizer, schedule             optimizer
                step_end                        forward_backward
                if should_stop: stopped
            unless stopped:
                evaluate                        evaluation
                epoch_end                       other
        train_end                               other

    Returns where it ended. What callbacks raise ends the training.
    """
    state = TrainState(epochs=epochs, steps_per_epoch=len(batches))
    hooks = Hooks(callbacks)
    hooks.call("train_begin", state)
    try:
        for epoch in range(1, epochs + 1):
            state.epoch = epoch
            state.correct, state.seen = torch.zeros((), device=validation.labels.device), 0
            hooks.call("epoch_begin", state)
            finished = _train_epoch(model, optimizer, schedule, meter.steps(batches), meter, hooks, state, should_stop)
            if not finished:
                state.stopped = True
                break
            with meter.phase("evaluation"):
                state.validation = evaluate(model, validation)
            state.best_accuracy = max(state.best_accuracy, state.validation.accuracy)
            hooks.call("epoch_end", state)
    finally:
        hooks.call("train_end", state)
    return state


def _train_epoch(
    model: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    meter: Meter,
    hooks: Hooks,
    state: TrainState,
    should_stop: Callable[[], bool],
) -> bool:
    """Returns whether the epoch was done to its end."""
    model.train()
    for images, labels in batches:
        logits = model(images)
        loss = functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        with meter.phase("optimizer"):
            state.learning_rate = float(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        state.step += 1
        state.seen += len(labels)
        state.loss = loss.detach()
        if state.correct is not None:
            state.correct = state.correct + (logits.argmax(1) == labels).sum()
        hooks.call("step_end", state)
        if should_stop():
            return False
    return True
