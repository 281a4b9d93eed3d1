"""Small changes to a torchvision classifier: what it takes in, and what goes before its last layer."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn
from torchvision.models import DenseNet, ResNet

from taximeter.training.models.stages import head_of

SMALL_IMAGE = 64
"""Pixels: up to here a stem that divides the image's sides by four at once would leave too little of them."""


def stem_of(model: nn.Module) -> tuple[str, nn.Conv2d]:
    """Name and module of the convolution that the image goes into."""
    return next((name, part) for name, part in model.named_modules() if isinstance(part, nn.Conv2d))


def use_small_stem(model: nn.Module) -> None:
    """Give a ResNet or DenseNet a 3×3 convolution with stride 1 and no pooling as its stem; others stay as they are.

    He et al. (2015, https://arxiv.org/abs/1512.03385, section 4.2) take this stem for images of 32×32, since the one
    for 224×224 (7×7 with stride 2, then a pooling with stride 2) shrinks them to 8×8 before the first block.
    """
    if not isinstance(model, (ResNet, DenseNet)):
        return
    name, stem = stem_of(model)
    _replace(model, name, nn.Conv2d(stem.in_channels, stem.out_channels, 3, 1, 1, bias=False))
    _initialise(stem_of(model)[1])
    _replace(model, "maxpool" if isinstance(model, ResNet) else "features.pool0", nn.Identity())


def use_channels(model: nn.Module, channels: int) -> None:
    """Let the stem take images of so many channels."""
    name, stem = stem_of(model)
    if stem.in_channels == channels:
        return
    replacement = nn.Conv2d(
        channels,
        stem.out_channels,
        cast("tuple[int, int]", stem.kernel_size),
        cast("tuple[int, int]", stem.stride),
        cast("tuple[int, int]", stem.padding),
        bias=stem.bias is not None,
    )
    _initialise(replacement)
    _replace(model, name, replacement)


def channels_of_weights(weight: Tensor, channels: int) -> Tensor:
    """A stem's weights, O×C×K×K, for images of other channels: grey ones and coloured ones.

    A grey image gives just what it would as three equal channels: the weights of the three are added up. The other way
    round a coloured image counts with its mean. Raises `ValueError` for other numbers of channels.
    """
    before = weight.shape[1]
    if before == channels:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    if before == 1:
        return weight.expand(-1, channels, -1, -1) / channels
    raise ValueError(f"weights for {before} channels do not fit {channels}")


def use_dropout(model: nn.Module, probability: float) -> None:
    """Drop features before the head's last layer so often: by the dropout the head has, else by one put there."""
    name, head = head_of(model)
    dropouts = [part for part in head.modules() if isinstance(part, nn.Dropout)]
    for dropout in dropouts:
        dropout.p = probability
    if not dropouts:
        inner, last = [(inner, part) for inner, part in head.named_modules() if isinstance(part, nn.Linear)][-1]
        with_dropout = nn.Sequential(OrderedDict(dropout=nn.Dropout(probability), linear=last))
        _replace(model, f"{name}.{inner}".rstrip("."), with_dropout)


def _initialise(convolution: nn.Conv2d) -> None:
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


def _replace(model: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, part)


def check_fits(model: nn.Module, *, channels: int, image_size: int, classes: int) -> None:
    """Let one black image through. Raises `ValueError` with the network's reason if it cannot be."""
    image = torch.zeros(1, channels, image_size, image_size)
    before = model.training
    model.eval()
    try:
        with torch.inference_mode():
            logits: Tensor = model(image)
    except (RuntimeError, AssertionError, ValueError) as wrong:
        raise ValueError(str(wrong).splitlines()[0]) from None
    finally:
        model.train(before)
    if logits.shape != (1, classes):
        raise ValueError(f"it answers with {tuple(logits.shape)} instead of {(1, classes)}")
