"""The fingerprint is the same for the same data and another for any other; files are read once."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from taximeter.training.data.description import DataDescription
from taximeter.training.data.load import Data
from trainer.data.conftest import classes, on_cpu, png

Open = Callable[..., Data]
TREE = classes("train/", 2) | classes("val/", 1)


@pytest.fixture
def settled(tmp_path: Path) -> Callable[[], None]:
    """The files were written a while ago."""

    def age() -> None:
        for file in (tmp_path / "images").rglob("*.png"):
            os.utime(file, (1_700_000_000, 1_700_000_000))

    return age


def taken(data: Data) -> tuple[str, int]:
    described, bytes_read = data.describe(io.StringIO())
    return described.fingerprint, bytes_read


@pytest.mark.parametrize("how", ["content", "names"])
def test_the_same_files_elsewhere_are_the_same_data(opened: Open, tmp_path: Path, how: str) -> None:
    first, _ = taken(opened(TREE, fingerprint=how))
    (tmp_path / "images").rename(tmp_path / "moved")
    again, _ = taken(opened(TREE, fingerprint=how))
    assert first == again
    assert first.startswith("sha256:")


@pytest.mark.parametrize(
    ("change", "seen_in_names"),
    [
        ({"train/a/0.png": TREE["train/a/0.png"][:-1] + b"x"}, False),
        ({"train/a/9.png": png(1)}, True),
        ({"val/a/0.png": png(1, size=(50, 50))}, True),
    ],
)
def test_any_change_is_seen(opened: Open, change: dict[str, bytes], seen_in_names: bool) -> None:
    before = {how: taken(opened(TREE, fingerprint=how))[0] for how in ("content", "names")}
    after = {how: taken(opened(TREE | change, fingerprint=how))[0] for how in ("content", "names")}
    assert before["content"] != after["content"]
    assert (before["names"] != after["names"]) == seen_in_names


def test_a_file_in_another_class_is_seen(opened: Open, tmp_path: Path) -> None:
    before, _ = taken(opened(TREE))
    (tmp_path / "images/train/a/1.png").rename(tmp_path / "images/train/b/9.png")
    assert taken(opened({}))[0] != before


def test_files_are_read_once_until_they_change(opened: Open, settled: Callable[[], None], tmp_path: Path) -> None:
    opened(TREE)
    settled()
    size = sum(len(packed) for packed in TREE.values())
    first, read = taken(opened({}))
    assert read == size
    assert taken(opened({})) == (first, 0)
    changed = tmp_path / "images/train/a/0.png"
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")  # as long as before
    second, read = taken(opened({}))
    assert (read, second != first) == (len(TREE["train/a/0.png"]), True)


def test_what_was_written_a_moment_ago_is_not_trusted(opened: Open) -> None:
    data = opened(TREE)
    assert taken(data) == taken(data)  # both read it: the time of change could stay the same


@pytest.mark.parametrize("wrong", [b"", b"\x93nonsense", b"\x81\xa1x\x01"])
def test_a_cache_that_makes_no_sense_is_made_anew(
    opened: Open, settled: Callable[[], None], cache: Path, wrong: bytes
) -> None:
    data = opened(TREE)
    settled()
    first, size = taken(data)
    (file,) = (cache / "fingerprints").iterdir()
    file.write_bytes(wrong)
    assert taken(data) == (first, size)
    assert taken(data) == (first, 0)


def test_without_a_place_for_the_cache_it_is_taken_all_the_same(
    opened: Open, settled: Callable[[], None], cache: Path
) -> None:
    data = opened(TREE)
    settled()
    cache.parent.mkdir()
    cache.write_bytes(b"in the way")
    first, size = taken(data)
    assert taken(data) == (first, size)


def test_of_data_in_memory_it_is_of_pixels_and_labels() -> None:
    settings = {"dataset": "synthetic", "synthetic_images": 60, "synthetic_classes": 3, "batch_size": 8}
    first, _ = taken(on_cpu(**settings))
    assert taken(on_cpu(**settings)) == (first, 0)
    assert taken(on_cpu(**settings, validation_share=0.5)) == (first, 0)  # however it is split
    assert taken(on_cpu(**settings, seed=1))[0] != first
    assert taken(on_cpu(**{**settings, "synthetic_classes": 2}))[0] != first


def test_a_description_comes_back_from_json(opened: Open) -> None:
    described, _ = opened(TREE).describe(io.StringIO())
    assert DataDescription.from_json(described.to_json()) == described
    with pytest.raises(TypeError):
        DataDescription.from_json({**described.to_json(), "colour": "red"})
