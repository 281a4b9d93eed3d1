"""Whether the files are there that a configuration names."""

from __future__ import annotations

from pathlib import Path

from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import DataConfig, TrainConfig


def check_files(config: TrainConfig) -> None:
    """Raises `ConfigError` that names the setting and the path."""
    if config.data.dataset == "folder":
        images_root(config.data)
    weights = config.model.weights
    if weights is not None and not weights.is_file():
        raise ConfigError("weights", f"{weights} is {'no file' if weights.exists() else 'not there'}")


def images_root(data: DataConfig) -> Path:
    """Where a data set in folders lies. Raises `ConfigError` unless it is a folder."""
    root = data.data_dir
    if root is None:
        raise ConfigError("data_dir", "is needed for --dataset folder")
    if not root.is_dir():
        raise ConfigError("data_dir", f"{root} is {'no folder' if root.exists() else 'not there'}")
    return root
