"""Folders of images: how they may be laid out, and what is said where they are not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from taximeter.training.config.error import ConfigError
from taximeter.training.data.load import Data
from trainer.data.conftest import classes, lay, noise, on_cpu, png

Open = Callable[..., Data]


@pytest.mark.parametrize("validation", ["val", "validation", "valid"])
def test_two_parts(opened: Open, validation: str) -> None:
    data = opened(classes("train/", 3) | classes(f"{validation}/", 2))
    assert (data.training_images, data.validation_images, data.classes) == (6, 4, ("a", "b"))
    assert data.class_counts == (3, 3)


def test_one_root_is_split_as_the_seed_says(opened: Open) -> None:
    tree = classes("", 10)

    def validation(seed: int) -> list[float]:
        data = opened(tree, validation_share=0.3, seed=seed)
        images = torch.cat([images for images, _ in data.validation])
        labels = torch.cat([labels for _, labels in data.validation])
        assert torch.bincount(labels).tolist() == [3, 3]  # of both classes the same share
        return sorted(images.float().mean((1, 2, 3)).tolist())

    assert validation(0) == validation(0)
    assert validation(0) != validation(1)


def test_training_alone_is_split(opened: Open) -> None:
    data = opened(classes("train/", 5))
    assert (data.training_images, data.validation_images) == (8, 2)


def test_every_kind_of_file_below_a_class_is_found_and_others_are_named(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    tree = classes("train/", 1) | classes("val/", 1)
    tree |= {"train/a/deep/er/x.JPG": noise(0), "train/b/y.webp": noise(1, kind="WEBP"), "train/b/z.gif": png(3)}
    tree |= {"train/b/.hidden.png": b"", "train/.git/x.png": b"", "train/b/notes.txt": b"", "train/b/more.md": b""}
    data = opened(tree)
    assert data.training_images == 5
    said = "2 files that are no images by their names are left out, the first: train/b/more.md"
    assert [record.message for record in caplog.records] == [said]


def test_a_class_missing_from_validation_is_told(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    data = opened(classes("train/", 2, names="abc") | classes("val/", 1, names="a") | {"val/b/.keep": b""})
    assert data.validation_images == 1
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.endswith("val has no images of b, c: how good the model is at that stays unknown")


@pytest.mark.parametrize(
    ("tree", "settings", "said"),
    [
        (classes("train/", 2) | classes("val/", 1, names="ac"), {}, "ROOT/val/c: ROOT/train has no such class"),
        (
            {**classes("train/", 2), "train/cats/0.png": png(0), "val/cat/0.png": png(0)},
            {},
            "ROOT/val/cat: ROOT/train has no such class; did you mean cats?",
        ),
        (classes("train/", 2) | {"train/c/notes.txt": b""}, {}, "ROOT/train/c has no images: put some in, or remove"),
        (classes("train/", 2) | {"val/a/notes.txt": b""}, {}, "ROOT/val has no images: wanted are train/CLASS/*.jpg"),
        (classes("val/", 2), {}, "ROOT has val, but no train: wanted are"),
        (classes("train/", 2, names="a"), {}, "ROOT/train has 1 folders of classes, not 2 or more: wanted are"),
        ({"x.png": png(0)}, {}, "ROOT has 0 folders of classes, not 2 or more: wanted are"),
        (classes("", 1), {}, "--dataset: class a has 1 images; to be split, each needs 2 or more"),
        (classes("", 4), {"validation_share": 0.1}, "--validation-share: 0.1 of 8 images are 1, which leaves a part"),
        (classes("train/", 2) | classes("val/", 1), {"batch_size": 5}, "--batch-size: 5 does not fit: 1 to 4, the"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(
    opened: Open, tmp_path: Path, tree: dict[str, bytes], settings: dict[str, float], said: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        opened(tree, **settings)
    expected = said if said.startswith("--") else f"--data-dir: {said}"
    assert str(wrong.value).replace(str(tmp_path / "images"), "ROOT").startswith(expected)


def test_a_folder_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--data-dir: .*/nowhere is not there$"):
        on_cpu(dataset="folder", data_dir=tmp_path / "nowhere")
    lay(tmp_path, {"file": b""})
    with pytest.raises(ConfigError, match=r"^--data-dir: .*/file is no folder$"):
        on_cpu(dataset="folder", data_dir=tmp_path / "file")


def test_names_beyond_ascii_are_kept(opened: Open) -> None:
    data = opened({"train/köter/ä.png": png(1), "train/katze/ß.png": png(2), "val/köter/1.png": png(1)}, batch_size=1)
    assert data.classes == ("katze", "köter")
    assert [int(labels) for _, labels in data.validation] == [1]
