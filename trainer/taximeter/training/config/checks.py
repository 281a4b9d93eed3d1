"""What a configuration must fulfil before anything is started."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from taximeter.training.config.catalogue import CATALOGUE, training_images
from taximeter.training.config.error import ConfigError
from taximeter.training.config.limits import Limits

if TYPE_CHECKING:
    from taximeter.training.config.schema import Group, TrainConfig

_CURRENCY = re.compile(r"[A-Z]{3}")
NO_FP16 = "fp16 needs a GPU; bf16 or fp32 on the CPU"
_STEPS = re.compile(r"([1-9][0-9]*)-([1-9][0-9]*)")


def check_limits(group: Group) -> None:
    """Each setting for itself. Raises `ConfigError`."""
    for each in fields(group):
        limits: Limits | None = each.metadata["limits"]
        value = getattr(group, each.name)
        if limits is not None and isinstance(value, (int, float, Decimal)) and value not in limits:
            raise ConfigError(each.name, f"{value} does not fit: {limits}")


def check_together(config: TrainConfig) -> None:
    """Settings that do not go together. Raises `ConfigError`, which names one of them."""
    for check in _CHECKS:
        check(config)


def _data(config: TrainConfig) -> None:
    data = config.data
    if data.dataset == "folder" and data.data_dir is None:
        raise ConfigError("data_dir", "is needed for --dataset folder: where train/CLASS/* and val/CLASS/* lie")
    if data.dataset in ("digits", "synthetic") and data.data_dir is not None:
        raise ConfigError("data_dir", f"{data.dataset} needs none; for images of your own also --dataset folder")
    if data.synthetic_channels not in (1, 3):
        raise ConfigError("synthetic_channels", f"{data.synthetic_channels} does not fit: 1 (grey) or 3 (colour)")
    if data.dataset == "synthetic" and data.synthetic_classes > data.synthetic_images // 2:
        raise ConfigError("synthetic_classes", f"{data.synthetic_classes} does not fit: half of the images at most")


def _batch(config: TrainConfig) -> None:
    size, data = config.loop.batch_size, config.data
    spec = CATALOGUE.get(data.dataset)
    images = None if spec is None else spec.training_images(data.validation_share)
    if data.dataset == "synthetic":
        images = training_images(data.synthetic_images, data.validation_share)
    if images is not None and size > images:
        raise ConfigError("batch_size", f"{size} does not fit: 1 to {images}, the training images of {data.dataset}")
    if config.optim.accumulate > size:
        raise ConfigError("accumulate", f"{config.optim.accumulate} does not fit: at most the batch size, {size}")


def _augmentation(config: TrainConfig) -> None:
    augment = config.augment
    if config.data.resident != "yes":
        return
    if augment.randaugment:
        raise ConfigError("randaugment", "varies images one by one, before they are in the device: with --resident no")
    if augment.crop_area is not None and augment.crop_area < 1:
        raise ConfigError("crop_area", "needs images of full size, which are not kept: with --resident no")


def _model(config: TrainConfig) -> None:
    model = config.model
    if model.pretrained and model.weights is not None:
        raise ConfigError("weights", "and --pretrained are two beginnings; give one of them")
    if model.pretrained and model.model == "small-resnet":
        raise ConfigError("pretrained", "there are no weights for small-resnet; a model of torchvision's, as resnet18")
    if model.freeze != "none" and not model.pretrained and model.weights is None:
        raise ConfigError("freeze", "random weights are not worth keeping: with --pretrained or --weights FILE")


def _schedule(config: TrainConfig) -> None:
    optim, epochs = config.optim, config.loop.epochs
    if optim.schedule == "one-cycle" and optim.warmup_epochs:
        raise ConfigError("warmup_epochs", "one-cycle has a warm-up of its own; leave it out")
    if optim.warmup_epochs and optim.warmup_epochs >= epochs:
        raise ConfigError("warmup_epochs", f"{optim.warmup_epochs} does not fit: below the {epochs} epochs of the run")


def _precision(config: TrainConfig) -> None:
    if config.loop.precision == "fp16" and config.loop.device == "cpu":
        raise ConfigError("precision", NO_FP16)


def _money(config: TrainConfig) -> None:
    money = config.money
    if _CURRENCY.fullmatch(money.currency) is None:
        raise ConfigError("currency", f"{money.currency!r} is not a currency of three capitals, as USD")
    if money.start == "cheapest" and money.price is not None:
        raise ConfigError("start", "a --price by hand is the same at all hours: without --price, or start now")


def _saving(config: TrainConfig) -> None:
    if not config.save.resume:
        raise ConfigError("resume", "is empty: none, auto or a checkpoint")
    if config.save.resume == "auto" and not config.save.save:
        raise ConfigError("resume", "auto needs checkpoints: without --no-save")


def _profile(config: TrainConfig) -> None:
    steps = config.profile.profile_steps
    if steps is None:
        return
    range_ = _STEPS.fullmatch(steps)
    if range_ is None or int(range_[1]) > int(range_[2]):
        raise ConfigError("profile_steps", f"{steps!r} is not the first and the last step, from 1, as 10-20")


_CHECKS: tuple[Callable[[TrainConfig], None], ...] = (
    _data,
    _batch,
    _augmentation,
    _model,
    _schedule,
    _precision,
    _money,
    _saving,
    _profile,
)
