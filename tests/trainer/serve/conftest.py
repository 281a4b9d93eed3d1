"""A checkpoint of a small network with random weights, and images for it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.checkpoints import header
from taximeter.training.checkpoint.file import encode, write
from taximeter.training.checkpoint.fit import settings_as_json
from taximeter.training.config import TrainConfig
from taximeter.training.data.description import DataDescription
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.optim.ema import Ema

CLASSES = ("cat", "dog", "fox", "hen", "owl", "pig")

DATA = DataDescription(
    dataset="folder",
    synthetic=False,
    classes=CLASSES,
    channels=3,
    image_size=16,
    resize=20,
    mean=(0.4, 0.5, 0.6),
    deviation=(0.2, 0.25, 0.3),
    normalisation="made up",
    training_images=60,
    validation_images=12,
    class_counts=(10,) * 6,
    fingerprint="sha256:0",
    fingerprint_of="paths and sizes",
)


def network(seed: int = 0) -> SmallResNet:
    """With random weights."""
    torch.manual_seed(seed)
    return SmallResNet(channels=3, classes=len(CLASSES)).eval()


def checkpoint(path: Path, *, ema: bool = False, **settings: Any) -> Path:
    """Of `network()`; with `ema` the average is that network, and what was trained last is another one."""
    config = TrainConfig().changed(ema_decay=0.9 if ema else None, **settings)
    contents: dict[str, Any] = {"model": network(1 if ema else 0).state_dict()}
    if ema:
        contents["ema"] = Ema(network(), 0.9).state_dict()
    about = header(
        run="trained", epoch=3, accuracy=0.5, data=DATA.to_json(), settings=settings_as_json(config.settings())
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, encode(about, contents))
    return path


def image(seed: int, *, size: tuple[int, int] = (24, 40), kind: str = "PNG") -> bytes:
    """An image file of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with the run `trained`."""
    output = tmp_path_factory.mktemp("runs")
    path = checkpoint(output / "trained" / "checkpoints" / "000001-step-1.pt")
    path.with_name("best.pt").symlink_to(path.name)
    return output
