"""Puts a training together from its configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import torch

from taximeter import Meter
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.early_stopping import EarlyStopping
from taximeter.training.callbacks.metering import Metering
from taximeter.training.callbacks.target_accuracy import TargetAccuracy
from taximeter.training.callbacks.unfreezing import Unfreezing
from taximeter.training.checkpoint.contents import Stateful
from taximeter.training.config import ConfigError, DeviceChoice, TrainConfig
from taximeter.training.config.checks import NO_FP16
from taximeter.training.data.load import Data, load, prepare
from taximeter.training.engine.compiling import compiled
from taximeter.training.engine.distributed import Ranks
from taximeter.training.engine.oom import MicroBatches
from taximeter.training.engine.operations import count_operations
from taximeter.training.engine.parts import Parts
from taximeter.training.engine.precision import Precision
from taximeter.training.engine.recompute import recompute_stages
from taximeter.training.engine.state import TrainState
from taximeter.training.engine.step import TrainStep
from taximeter.training.models.build import build_model
from taximeter.training.models.freezing import Freezing
from taximeter.training.optim.decay import parameter_groups
from taximeter.training.optim.ema import Ema
from taximeter.training.optim.optimizers import build_optimizer
from taximeter.training.optim.schedules import build_schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A training that is put together and has not begun."""

    config: TrainConfig
    """As it was settled: with what was left to the data set and to this machine."""
    data: Data
    parts: Parts
    state: TrainState
    step: TrainStep
    callbacks: tuple[Callback, ...]
    """Those that belong to the training itself: they come before all others."""

    def stateful(self) -> Mapping[str, Stateful]:
        """All that a checkpoint keeps of it, by name."""
        return {**self.parts.stateful(), "state": self.state}


def choose_device(choice: DeviceChoice) -> torch.device:
    """The kind of device to train on; `auto` is a GPU if torch can use one. Raises `ConfigError`."""
    if choice == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", "cuda is not to be had here: torch finds no GPU it can use; auto or cpu")
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")


def assemble(config: TrainConfig, meter: Meter, ranks: Ranks, *, stream: TextIO) -> Training:
    """Load the data, build the model and everything around it; says on `stream` what takes a while.

    On the CPU the same configuration gives the same weights. Raises `ConfigError` if something in it does not fit the
    data or this machine.
    """
    if config.loop.precision == "fp16" and ranks.device.type == "cpu":
        raise ConfigError("precision", NO_FP16)
    _settle_numerics(config)
    if ranks.first:
        prepare(config)
    ranks.wait()
    data = load(config, device=ranks.device, stream=stream, rank=ranks.rank, world=ranks.size)
    config = data.config
    micro_batch = _micro_batch(config, ranks)
    model = _model(config, data, ranks)
    transfer = config.model.freeze == "head-first"
    groups = parameter_groups(
        model,
        learning_rate=config.optim.learning_rate,
        weight_decay=config.optim.weight_decay,
        stage_factor=config.model.unfrozen_lr_factor if transfer else 1.0,
    )
    optimizer = build_optimizer(config.optim, groups)
    steps = len(data.training)
    schedule = build_schedule(config.optim, optimizer, epochs=config.loop.epochs, steps_per_epoch=steps)
    ema = None if config.optim.ema_decay is None else Ema(model, config.optim.ema_decay)
    if config.loop.checkpointing:
        recompute_stages(model)  # after the average has been made of it: that is never trained
    parts = Parts(
        model=model,
        forward=compiled(model) if config.loop.compile else model,
        optimizer=optimizer,
        schedule=schedule,
        precision=Precision(config.loop.precision, ranks.device),
        micro_batches=MicroBatches(model, micro_batch, ranks, meter.count_oom),
        ema=ema,
        batches=data.training,
        batch_size=config.loop.batch_size // ranks.size,
        validation=data.validation,
        ranks=ranks,
    )
    # What is random in a step is another thing on each rank; on the first one it goes on from the model's weights.
    if not ranks.first:
        torch.manual_seed(config.loop.seed + ranks.rank)
    return Training(
        config=config,
        data=data,
        parts=parts,
        state=TrainState(epochs=config.loop.epochs, steps_per_epoch=steps),
        step=TrainStep(parts, label_smoothing=config.optim.label_smoothing, clip_norm=config.optim.clip_norm),
        callbacks=_callbacks(config, data, parts, meter),
    )


def _settle_numerics(config: TrainConfig) -> None:
    """Torch's switches for the whole process: repeatable, or as fast as it goes."""
    if config.loop.checkpointing and config.loop.compile:
        raise ConfigError("checkpointing", "does not go with --compile, which itself decides what to compute again")
    if config.loop.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for; read when CUDA begins
        if config.loop.precision != "fp32":
            # On the CPU oneDNN's depthwise convolutions in bf16 read memory that nothing was written to: twice the same
            # step has other gradients, at times NaN (seen with torch 2.15, shufflenet_v2_x0_5, channels last).
            torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    torch.use_deterministic_algorithms(config.loop.deterministic)
    torch.backends.cudnn.benchmark = not config.loop.deterministic


def _micro_batch(config: TrainConfig, ranks: Ranks) -> int:
    of_rank = config.loop.batch_size // ranks.size
    if config.optim.accumulate > of_rank:
        raise ConfigError("accumulate", f"{config.optim.accumulate} does not fit: 1 to {of_rank}, the images of a step")
    return -(-of_rank // config.optim.accumulate)


def _model(config: TrainConfig, data: Data, ranks: Ranks) -> torch.nn.Module:
    """On the device; of several ranks all with the weights of the first, which alone downloads any."""
    torch.manual_seed(config.loop.seed)

    def build() -> torch.nn.Module:
        return build_model(
            config.model.model,
            classes=len(data.classes),
            channels=data.channels,
            image_size=data.image_size,
            dropout=config.model.dropout,
            pretrained=config.model.pretrained,
            weights=config.model.weights,
        )

    model = build() if ranks.first else None
    ranks.wait()
    model = build() if model is None else model
    if config.loop.channels_last == "yes":
        model = model.to(memory_format=torch.channels_last)
    model = model.to(ranks.device)
    ranks.copy_from_first(model)
    return model


def _callbacks(config: TrainConfig, data: Data, parts: Parts, meter: Meter) -> tuple[Callback, ...]:
    image = data.channels, data.image_size, data.image_size
    callbacks: list[Callback] = [Metering(meter, parts, image=image)]
    if config.model.freeze == "head-first":
        freezing = Freezing(parts.model, first_epoch=config.model.unfreeze_epoch, every=config.model.unfreeze_every)
        callbacks.append(Unfreezing(freezing, lambda: count_operations(meter, parts, image)))
    if config.loop.early_stopping is not None:
        callbacks.append(EarlyStopping(config.loop.early_stopping))
    if config.loop.target_accuracy is not None:
        callbacks.append(TargetAccuracy(config.loop.target_accuracy))
    return tuple(callbacks)
