"""The model that a checkpoint holds, ready to answer, with what it has to know of its images."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.file import load, read
from taximeter.training.checkpoint.folder import BEST, LAST
from taximeter.training.checkpoint.header import Header
from taximeter.training.checkpoint.resume import checkpoints_of
from taximeter.training.data.description import DataDescription
from taximeter.training.engine.precision import Precision
from taximeter.training.models.build import build_model
from taximeter.training.optim.ema import Ema


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model with the weights that were evaluated: their average, where the training kept one."""

    path: Path
    header: Header
    data: DataDescription
    module: nn.Module
    """On its device, in evaluation mode."""
    precision: Precision
    device: torch.device


def checkpoint_of(output: Path, run: str) -> Path:
    """The best checkpoint of a run, or the last if none is marked so. Raises `CheckpointError` if there is none."""
    folder = checkpoints_of(output, run)
    for name in (BEST, LAST):
        if (folder.path / name).exists():
            return (folder.path / name).resolve()
    runs = sorted(path.parent.name for path in output.glob("*/checkpoints") if any(path.glob("*.pt")))
    near = get_close_matches(run, runs, n=3) or runs[-3:]
    there = f"near to it: {', '.join(near)}" if near else f"{output} has no run with a checkpoint"
    raise CheckpointError(f"--run: no checkpoint of {run!r} in {output}; {there}")


def load_model(path: Path, device: torch.device) -> TrainedModel:
    """Read a checkpoint whole. Raises `CheckpointError`, also if it is damaged or there is none."""
    try:
        header = read(path)
        contents = load(path)
    except OSError as wrong:
        raise CheckpointError(f"{path}: {wrong.strerror or wrong}") from None
    settings = header.settings
    data = DataDescription.from_json(dict(header.data))
    module: nn.Module = build_model(
        settings["model"],
        classes=len(data.classes),
        channels=data.channels,
        image_size=data.image_size,
        dropout=settings["dropout"],
    )
    module = _with_weights(module, path, contents, ema_decay=settings["ema_decay"])
    if settings["channels_last"] == "yes":
        module = module.to(memory_format=torch.channels_last)
    return TrainedModel(
        path=path,
        header=header,
        data=data,
        module=module.to(device).eval(),
        precision=Precision(settings["precision"], device),
        device=device,
    )


def _with_weights(module: nn.Module, path: Path, contents: dict[str, Any], *, ema_decay: float | None) -> nn.Module:
    try:
        if ema_decay is None:
            module.load_state_dict(contents["model"])
            return module
        ema = Ema(module, ema_decay)
        ema.load_state_dict(contents["ema"])
        return ema.model
    except (KeyError, RuntimeError) as wrong:
        raise CheckpointError(f"{path}: its weights do not fit its model ({str(wrong).splitlines()[0]})") from None
