"""What a training run is asked to do. Nothing here needs torch, so that a mistake is found before anything starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

DeviceChoice = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[DeviceChoice, ...] = get_args(DeviceChoice)

LARGEST_SEED = 2**32 - 1  # what scikit-learn takes


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A data set, as far as it is known without loading it."""

    name: str
    train_images: int
    validation_images: int
    classes: int


DIGITS = DatasetSpec(name="digits", train_images=1437, validation_images=360, classes=10)
"""scikit-learn's handwritten digits: 1,797 grey images of 8×8 pixels, a fifth of them for validation."""

MODEL = "small-resnet"
"""The name of the model that is trained."""


class ConfigError(ValueError):
    """An option that cannot be; says which, and what would be right."""

    def __init__(self, option: str, remedy: str) -> None:
        super().__init__(f"--{option.replace('_', '-')}: {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A training run. Raises `ConfigError` if it cannot be carried out."""

    epochs: int = 18
    batch_size: int = 64
    learning_rate: float = 3e-3
    """AdamW's, at the first step; a cosine takes it down to 0 at the last."""
    weight_decay: float = 0.05
    seed: int = 0
    device: DeviceChoice = "auto"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ConfigError("epochs", f"{self.epochs} is too few: 1 or more")
        if not 1 <= self.batch_size <= DIGITS.train_images:
            raise ConfigError(
                "batch_size",
                f"{self.batch_size} does not fit: 1 to {DIGITS.train_images}, the training images of {DIGITS.name}",
            )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigError("learning_rate", f"{self.learning_rate} does not fit: a number above 0, as 0.003")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ConfigError("seed", f"{self.seed} does not fit: 0 to {LARGEST_SEED}")
