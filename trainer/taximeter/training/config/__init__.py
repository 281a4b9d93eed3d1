"""Configuration: the schema, the file, the options, the checks. Needs nothing that the extra installs."""

from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import DeviceChoice, TrainConfig

__all__ = ["ConfigError", "DeviceChoice", "TrainConfig"]
