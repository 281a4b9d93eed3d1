"""Gradient checkpointing: activations within a stage are computed again in the backward pass instead of being kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from taximeter.training.models.stages import head_of, stages_of


def recompute_stages(model: nn.Module) -> None:
    """Keep only what goes from stage to stage (Chen et al., 2016, https://arxiv.org/abs/1604.06174).

    Weights and gradients come out the same: random numbers are drawn again as they were, and the statistics of batch
    normalisation count each image once.
    """
    head = head_of(model)[1]
    for stage in stages_of(model).values():
        if stage is not head:
            _recompute(stage)


def _recompute(stage: nn.Module) -> None:
    forward = stage.forward

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _without_statistics(stage)

    def recomputed(*inputs: Any) -> Any:
        # On the meta device operations are counted: the model's own, and not what is done twice to need less memory.
        if inputs[0].is_meta or not (stage.training and torch.is_grad_enabled()):
            return forward(*inputs)
        return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)

    stage.forward = recomputed


@contextmanager
def _without_statistics(stage: nn.Module) -> Iterator[None]:
    """The first forward pass has counted the images already: give the new ones no weight."""
    norms = [part for part in stage.modules() if isinstance(part, _BatchNorm)]
    before = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked = norm.num_batches_tracked.clone()
    try:
        yield
    finally:
        for norm, momentum, count in before:
            norm.momentum = momentum
            norm.num_batches_tracked = count
