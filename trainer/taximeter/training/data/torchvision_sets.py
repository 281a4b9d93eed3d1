"""The data sets that torchvision knows where to download."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError, URLError

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets

from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import DataConfig
from taximeter.training.data.cache import cache_folder
from taximeter.training.data.raw import RawData
from taximeter.training.data.source import ImagesInMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    make: Callable[..., Any]
    folder: str
    """Below the data folder, where torchvision keeps it."""
    channels: int


_KNOWN: Mapping[str, _Known] = MappingProxyType(
    {
        "cifar10": _Known(make=datasets.CIFAR10, folder="cifar-10-batches-py", channels=3),
        "cifar100": _Known(make=datasets.CIFAR100, folder="cifar-100-python", channels=3),
        "fashion-mnist": _Known(make=datasets.FashionMNIST, folder="FashionMNIST/raw", channels=1),
    }
)


NAMES = frozenset(_KNOWN)


def folder_of(config: DataConfig) -> Path:
    """Where the data set lies, or is downloaded to."""
    return config.data_dir or cache_folder() / "data"


def download(config: DataConfig) -> None:
    """Fetch the data set unless it is there already, with a progress bar; several processes leave this to the first.

    Raises `ConfigError` if it cannot be had.
    """
    root = folder_of(config)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with redirect_stdout(sys.stderr):  # standard output is the bill's
            _KNOWN[config.dataset].make(root, train=True, download=True)  # looks first at what is there
    except URLError as wrong:
        if isinstance(wrong, HTTPError):
            wrong.close()
        raise ConfigError("dataset", _not_downloaded(config, str(wrong.reason))) from None
    except OSError as wrong:
        raise ConfigError("dataset", _not_downloaded(config, " ".join(str(wrong).split()))) from None
    except (RuntimeError, ValueError, AssertionError) as wrong:  # nothing came, or too little did once
        reason, where = " ".join(str(wrong).split()), root / _KNOWN[config.dataset].folder
        raise ConfigError(
            "dataset",
            f"{config.dataset} cannot be downloaded or read ({reason}); try again, delete {where} if something in it "
            "is cut short, or put its files there",
        ) from None


def open_known(config: DataConfig, _seed: int) -> RawData:
    """The data set from its folder, whole in memory; nothing is downloaded. Raises `ConfigError`."""
    known, root = _KNOWN[config.dataset], folder_of(config)
    try:
        parts = [known.make(root, train=train, download=False) for train in (True, False)]
    except (OSError, RuntimeError, ValueError, AssertionError):  # as torchvision meets what is cut short
        remedy = "without --no-download it is fetched" if not config.download else "delete it to have it fetched again"
        raise ConfigError(
            "dataset", f"{config.dataset} is not, or not whole, in {root / known.folder}: {remedy}"
        ) from None
    training, validation = (ImagesInMemory(_pixels(part.data), _labels(part.targets)) for part in parts)
    files = (file for file in (root / known.folder).rglob("*") if file.is_file() and file.suffix != ".gz")
    return RawData(
        classes=tuple(parts[0].classes),
        channels=known.channels,
        training=training,
        validation=validation,
        bytes_read=sum(file.stat().st_size for file in files),
    )


def _pixels(data: Any) -> Tensor:
    """CIFAR's N×H×W×C, or the N×H×W of grey sets, as N×C×H×W uint8."""
    pixels = torch.as_tensor(np.asarray(data))
    return (pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)).contiguous()


def _labels(targets: Any) -> Tensor:
    return torch.as_tensor(targets, dtype=torch.int64)


def _not_downloaded(config: DataConfig, reason: str) -> str:
    where = folder_of(config) / _KNOWN[config.dataset].folder
    return f"{config.dataset} cannot be downloaded ({reason}); try again, or put its files into {where}"
