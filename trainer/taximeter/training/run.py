"""Puts a training run together from its configuration, and carries it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR

from taximeter import Meter
from taximeter.training.augment import RandomAffine
from taximeter.training.callbacks.metering import Metering
from taximeter.training.callbacks.progress import Progress
from taximeter.training.config import DIGITS, ConfigError, DeviceChoice, TrainConfig
from taximeter.training.data import Batches, load
from taximeter.training.loop import train
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.state import TrainState


def run(config: TrainConfig, meter: Meter, *, stream: TextIO, should_stop: Callable[[], bool]) -> TrainState:
    """Train as configured and return where it ended; shows the progress on `stream`.

    On the CPU the same configuration gives the same weights. Raises `ConfigError` if the device is not there.
    """
    device = choose_device(config.loop.device)
    torch.manual_seed(config.loop.seed)
    train_split, validation = (split.to(device) for split in load(config.loop.seed))
    batches = Batches(
        train_split, config.loop.batch_size, RandomAffine(), torch.Generator().manual_seed(config.loop.seed)
    )
    model = SmallResNet(channels=1, classes=DIGITS.classes).to(device)
    model.to(memory_format=torch.channels_last)
    optimizer = AdamW(model.parameters(), lr=config.optim.learning_rate, weight_decay=config.optim.weight_decay)
    schedule = CosineAnnealingLR(optimizer, T_max=config.loop.epochs * len(batches))
    return train(
        model=model,
        optimizer=optimizer,
        schedule=schedule,
        batches=batches,
        validation=validation,
        epochs=config.loop.epochs,
        meter=meter,
        callbacks=[Metering(meter), Progress(meter, stream)],
        should_stop=should_stop,
    )


def choose_device(choice: DeviceChoice) -> torch.device:
    """The device to train on; `auto` is a GPU if torch can use one. Raises `ConfigError`."""
    if choice == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", "cuda is not to be had here: torch finds no GPU it can use; auto or cpu")
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")
