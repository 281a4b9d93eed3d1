"""One step of the training, from a batch on the device to changed weights."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_, get_total_norm

from taximeter.training.engine.parts import Parts
from taximeter.training.engine.state import TrainState

_NORM_SECONDS = 1.0


class TrainStep:
    """Does a step, in two parts, and writes into the state what came of it; nothing here waits for the device.

    The batch goes through the model in micro-batches, each of which adds its share of the gradients: the mean over
    the whole batch, over all ranks, whatever the sizes of the parts. Where memory does not suffice, the same step is
    done again in smaller ones (see `MicroBatches`).

    The norm of the gradients is reckoned in each step that clips them or, with fp16, has to know whether they
    overflowed; else about once a second, since it costs a pass over all of them. A norm that is not finite is not an
    error here: with fp16 the scaler leaves the step out, and without it the next loss shows it.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        label_smoothing: float = 0.0,
        clip_norm: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._label_smoothing = label_smoothing
        self._clip_norm = clip_norm
        self._clock = clock
        self._measure_at = 0.0

    def forward_backward(self, images: Tensor, labels: Tensor, state: TrainState) -> None:
        """`images` N×C×H×W and `labels`, N class numbers or N×classes shares, on the device: this rank's part."""
        parts = self._parts
        loss, correct = parts.micro_batches.attempt(
            lambda size: self._gradients(images, labels, size), images=len(labels)
        )
        parts.ranks.add_gradients(parts.model.parameters())
        state.seen += len(labels)
        state.loss = loss
        state.correct = correct if state.correct is None else state.correct + correct

    def optimize(self, state: TrainState) -> None:
        """Change the weights by the gradients."""
        parts = self._parts
        state.learning_rate = float(parts.schedule.get_last_lr()[0])
        parts.precision.unscale(parts.optimizer)
        norm = self._norm()
        parts.precision.step(parts.optimizer)
        parts.schedule.step()
        if parts.ema is not None:
            parts.ema.update(parts.model)
        state.step += 1
        if norm is not None:
            state.gradient_norm = norm
            if parts.precision.scales:
                overflowed = (~torch.isfinite(norm)).float()
                state.skipped = overflowed if state.skipped is None else state.skipped + overflowed

    def _gradients(self, images: Tensor, labels: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Forward and backward, `size` images at a time. Returns the mean loss and how many were right."""
        self._parts.optimizer.zero_grad()
        losses, hits = [], []
        for some_images, some_labels in zip(torch.split(images, size), torch.split(labels, size), strict=True):
            share = len(some_labels) / len(labels)
            with self._parts.precision.autocast():
                logits = self._parts.forward(some_images)
                loss = functional.cross_entropy(logits, some_labels, label_smoothing=self._label_smoothing)
            # All ranks have as many images, so that a rank's mean is its share of the mean over all.
            part = share / self._parts.ranks.size
            self._parts.precision.backward(loss if part == 1 else loss * part)
            losses.append(loss.detach() if share == 1 else loss.detach() * share)
            hits.append(_hits(logits.detach(), some_labels))
        return (losses[0], hits[0]) if len(losses) == 1 else (torch.stack(losses).sum(), torch.stack(hits).sum())

    def _norm(self) -> Tensor | None:
        """The gradients' norm before they are clipped, if it is measured in this step."""
        if self._clip_norm is not None:
            return clip_grad_norm_(self._parts.model.parameters(), self._clip_norm)
        now = self._clock()
        if not self._parts.precision.scales and now < self._measure_at:
            return None
        self._measure_at = now + _NORM_SECONDS
        gradients = [parameter.grad for parameter in self._parts.model.parameters() if parameter.grad is not None]
        return get_total_norm(gradients)


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images were given their class, or of mixed ones that with the greater share."""
    wanted = labels if labels.ndim == 1 else labels.argmax(1)
    return (logits.argmax(1) == wanted).sum()
