"""Training and validation of a data set that comes in one part."""

from __future__ import annotations

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from taximeter.training.config.catalogue import training_images
from taximeter.training.config.error import ConfigError


def split(labels: Tensor, classes: tuple[str, ...], share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Which images are for training and which for validation: int64 each, every class by the same share of both.

    The same seed gives the same split. Raises `ConfigError` if there are too few images.
    """
    counts = torch.bincount(labels, minlength=len(classes))
    rarest = int(counts.argmin())
    if counts[rarest] < 2:
        few = f"class {classes[rarest]} has {int(counts[rarest])} images"
        raise ConfigError("dataset", f"{few}; to be split, each needs 2 or more")
    held_out = len(labels) - training_images(len(labels), share)
    if not len(classes) <= held_out <= len(labels) - len(classes):
        raise ConfigError(
            "validation_share",
            f"{share} of {len(labels)} images are {held_out}, which leaves a part with fewer than {len(classes)}, "
            "one for each class",
        )
    training, validation = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=held_out, stratify=labels.numpy(), random_state=seed
    )
    return torch.from_numpy(training), torch.from_numpy(validation)
