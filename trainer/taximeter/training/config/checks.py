"""What a configuration must fulfil before anything is started."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from taximeter.training.config.catalogue import CATALOGUE
from taximeter.training.config.error import ConfigError
from taximeter.training.config.limits import Limits

if TYPE_CHECKING:
    from taximeter.training.config.schema import Group, TrainConfig


def check_limits(group: Group) -> None:
    """Each setting for itself. Raises `ConfigError`."""
    for each in fields(group):
        limits: Limits | None = each.metadata["limits"]
        value = getattr(group, each.name)
        if limits is not None and isinstance(value, (int, float, Decimal)) and value not in limits:
            raise ConfigError(each.name, f"{value} does not fit: {limits}")


def check_together(config: TrainConfig) -> None:
    """Settings that do not go together. Raises `ConfigError`."""
    spec = CATALOGUE.get(config.data.dataset)
    if spec is not None:
        images = spec.training_images(config.data.validation_share)
        if config.loop.batch_size > images:
            raise ConfigError(
                "batch_size",
                f"{config.loop.batch_size} does not fit: 1 to {images}, the training images of {spec.name}",
            )
