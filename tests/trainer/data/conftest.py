"""What the tests of the data share: small data sets on disk, and a cache of their own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from taximeter.training.config.schema import TrainConfig
from taximeter.training.data.load import Data, load

CPU = torch.device("cpu")


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Two would wait for each other where the tests share the processors with something else."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is remembered from one test to the next."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "taximeter"


def png(grey: int, *, mode: str = "RGB", size: tuple[int, int] = (12, 10)) -> bytes:
    packed = io.BytesIO()
    Image.new("L", size, grey).convert(mode).save(packed, "PNG")
    return packed.getvalue()


def noise(seed: int, *, size: tuple[int, int] = (24, 20), kind: str = "JPEG") -> bytes:
    packed = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(packed, kind)
    return packed.getvalue()


def lay(root: Path, tree: dict[str, bytes]) -> Path:
    """Write files below a root."""
    for path, packed in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(packed)
    return root


def classes(part: str, count: int, *, names: str = "ab") -> dict[str, bytes]:
    """`count` images of each class, each of a grey of its own."""
    return {
        f"{part}{name}/{number}.png": png(100 * label + 2 * number)
        for label, name in enumerate(names)
        for number in range(count)
    }


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Data]:
    """Loads a folder that consists of these files."""

    def load_folder(tree: dict[str, bytes], **settings: Any) -> Data:
        root = lay(tmp_path / "images", tree)
        given: dict[str, Any] = {"workers": 0, "resident": "no", "batch_size": 2, "image_size": 8, "augment": "none"}
        return on_cpu(dataset="folder", data_dir=root, **(given | settings))

    return load_folder


def on_cpu(**settings: Any) -> Data:
    """The data as configured."""
    return load(TrainConfig.of(**settings), device=CPU, stream=io.StringIO())
