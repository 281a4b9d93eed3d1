"""Images that cannot be decoded: named once, replaced in training, left out in validation; too many are refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from taximeter.training.config.error import ConfigError
from taximeter.training.config.schema import TrainConfig
from taximeter.training.data.load import Data, load
from taximeter.training.data.order import epoch_order
from taximeter.training.data.share import Share
from trainer.data.conftest import CPU, classes, lay, png

Open = Callable[..., Data]


def half_broken() -> dict[str, bytes]:
    """Ten images of two classes; one to train on and one to judge by are broken."""
    tree = classes("train/", 4) | classes("val/", 2)
    return tree | {"train/a/1.png": b"no image", "val/b/0.png": png(9)[:40]}


def test_training_goes_on_with_another_in_its_place(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    data = opened(half_broken())
    for _ in range(3):
        sizes = [len(labels) for _, labels in data.training]
        assert sizes == [2, 2, 2, 2]
    assert [record.message for record in caplog.records] == [
        "train/a/1.png is left out: it is no image of a known format"
    ]


@pytest.mark.parametrize("resident", ["yes", "no"])
def test_every_rank_has_as_many_batches_though_all_images_of_one_of_them_are_broken(
    tmp_path: Path, resident: str
) -> None:
    """Else one rank would wait for ever for the gradients of a step that another does not do."""
    root = lay(tmp_path / "images", classes("train/", 8) | classes("val/", 2))
    given: dict[str, Any] = {"workers": 0, "resident": resident, "batch_size": 4, "image_size": 8, "augment": "none"}
    config = TrainConfig.of(dataset="folder", data_dir=root, **given)
    # What rank 1 is given in its first two batches.
    order = epoch_order(16, config.loop.seed, 0)
    share = Share(rank=1, world=2, batch_size=4)
    for index in [*order[share.of_batch(0)].tolist(), *order[share.of_batch(1)].tolist()]:
        (root / f"train/{'ab'[index // 8]}/{index % 8}.png").write_bytes(b"no image")
    ranks = [load(config, device=CPU, stream=io.StringIO(), rank=rank, world=2) for rank in (0, 1)]
    for _ in range(2):
        sizes = [[len(labels) for _, labels in data.training] for data in ranks]
        assert sizes[0] == sizes[1] == [2] * len(ranks[0].training)


def test_validation_goes_on_without_it(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    data = opened(half_broken())
    for _ in range(2):
        assert sum(len(labels) for _, labels in data.validation) == 3
    assert [record.message.split(":")[0] for record in caplog.records] == ["val/b/0.png is left out"]


def test_a_validation_batch_of_broken_images_alone_is_left_out(opened: Open) -> None:
    tree = classes("train/", 4) | classes("val/", 2) | {"val/a/0.png": b"", "val/a/1.png": b""}
    assert [len(labels) for _, labels in opened(tree).validation] == [2]


def test_in_the_devices_memory_there_are_only_whole_ones(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    data = opened(half_broken(), resident="yes")
    assert (data.training_images, data.validation_images, data.class_counts) == (7, 3, (3, 4))
    assert len(caplog.records) == 2
    tree = half_broken()
    whole = sum(len(packed) for path, packed in tree.items() if path not in ("train/a/1.png", "val/b/0.png"))
    assert data.training.bytes_read == whole


def test_too_many_end_the_run(opened: Open) -> None:
    tree = classes("train/", 20) | classes("val/", 2)
    tree |= {f"train/a/{number}.png": b"" for number in range(11)}
    with pytest.raises(ConfigError) as wrong:
        list(opened(tree).training)
    said = str(wrong.value)
    assert said.startswith("--data-dir: 11 of 40 images cannot be decoded, the last one train/a/")
    assert said.endswith(".png: it is empty; remove them, or put them right")


@pytest.mark.parametrize("resident", ["yes", "no"])
def test_where_all_are_broken_there_is_no_endless_search(opened: Open, resident: str) -> None:
    tree = dict.fromkeys(classes("train/", 2) | classes("val/", 2), b"")
    with pytest.raises(ConfigError, match="4 of 4 images cannot be decoded"):
        list(opened(tree, resident=resident).training)


def test_bytes_are_counted_as_they_are_read(opened: Open) -> None:
    tree = classes("train/", 4) | classes("val/", 2)
    data = opened(tree)
    assert (data.training.bytes_read, data.validation.bytes_read) == (0, 0)
    for epochs in (1, 2):
        list(data.training)
        read = sum(len(packed) for path, packed in tree.items() if path.startswith("train/"))
        assert data.training.bytes_read == epochs * read
    list(data.validation)
    assert data.validation.bytes_read == sum(len(packed) for path, packed in tree.items() if path.startswith("val/"))


def test_images_of_all_sizes_make_a_batch(opened: Open) -> None:
    tree = {f"train/{name}/{side}.png": png(50, size=(side, 40 - side)) for name in "ab" for side in (5, 20, 35)}
    data = opened(tree | {"val/a/x.png": png(50, size=(3, 90))}, image_size=16, augment="auto")
    for batches in (data.training, data.validation):
        for batch in batches:
            images, _ = batches.to_device(*batch)
            assert images.shape[1:] == (3, 16, 16)
            assert torch.isfinite(images).all()
