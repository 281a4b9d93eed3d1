"""Which checkpoint --resume means, and which run may go on from it."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from support.checkpoints import header
from taximeter.training.checkpoint.error import CheckpointError, Damaged
from taximeter.training.checkpoint.file import encode
from taximeter.training.checkpoint.fit import MAY_DIFFER, check_data, check_settings, settings_as_json
from taximeter.training.checkpoint.resume import checkpoints_of, find
from taximeter.training.config import TrainConfig

_WRITTEN = iter(range(1, 1000))


def write(output: Path, run: str, step: int, *, project: str = "vision") -> Path:
    data = encode(header(run=run, project=project, step=step), {"model": {"weight": torch.zeros(2)}})
    path = checkpoints_of(output, run).save(data, step=step, best=False, keep=9)
    moment = next(_WRITTEN) * 10**9
    os.utime(path, ns=(moment, moment))
    return path


def test_auto_with_a_run_is_its_newest(tmp_path: Path) -> None:
    write(tmp_path, "a", 5)
    newest = write(tmp_path, "a", 3)
    write(tmp_path, "b", 9)
    found = find("auto", output=tmp_path, run="a", project="vision")
    assert found is not None
    assert (found.path, found.header.step) == (newest, 3)
    assert find("auto", output=tmp_path, run="c", project="vision") is None


def test_auto_without_a_run_is_the_run_of_the_project_that_wrote_last(tmp_path: Path) -> None:
    write(tmp_path, "b", 1)
    write(tmp_path, "a", 1)
    write(tmp_path, "b", 2)
    write(tmp_path, "other", 9, project="speech")
    (tmp_path / "no-run").mkdir()
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    found = find("auto", output=tmp_path, run=None, project="vision")
    assert found is not None
    assert (found.header.run, found.header.step) == ("b", 2)
    assert find("auto", output=tmp_path, run=None, project="sound") is None
    assert find("auto", output=tmp_path / "nothing", run=None, project="vision") is None


def test_a_run_whose_newest_is_damaged_is_still_found(tmp_path: Path) -> None:
    write(tmp_path, "a", 1)
    newest = write(tmp_path, "a", 2)
    newest.write_bytes(b"PK")
    found = find("auto", output=tmp_path, run=None, project="vision")
    assert found is not None
    assert found.header.step == 1


def test_a_certain_one(tmp_path: Path) -> None:
    path = write(tmp_path, "a", 1)
    write(tmp_path, "a", 2)
    for run in (None, "a"):
        found = find(str(path), output=tmp_path, run=run, project="vision")
        assert found is not None
        assert found.header.step == 1
    with pytest.raises(CheckpointError, match=r"--run: b cannot go on from .*-step-1\.pt, a checkpoint of the run a"):
        find(str(path), output=tmp_path, run="b", project="vision")
    with pytest.raises(CheckpointError, match="--resume: nowhere: No such file or directory; auto, or the path"):
        find("nowhere", output=tmp_path, run=None, project="vision")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Damaged):
        find(str(path), output=tmp_path, run=None, project="vision")


PATH = Path("runs/r/checkpoints/000001-step-1.pt")


def test_settings_that_matter_must_fit_and_are_named() -> None:
    saved = header(settings=settings_as_json(TrainConfig().settings()))
    check_settings(PATH, saved, TrainConfig().settings())
    with pytest.raises(CheckpointError) as wrong:
        check_settings(PATH, saved, TrainConfig.of(model="resnet18", batch_size=32, clip_norm=1.0).settings())
    assert str(wrong.value) == (
        f"{PATH}: does not fit: model was small-resnet and is resnet18 now; clip_norm was not set and is 1.0 now; "
        "batch_size was 64 and is 32 now; set it as it was (as --config runs/r/config.yaml does), "
        "or begin a new run without --resume"
    )


def test_settings_that_do_not_matter_may_be_others() -> None:
    saved = header(settings=settings_as_json(TrainConfig().settings()))
    changed = TrainConfig.of(
        epochs=99, budget=Decimal(20), price=Decimal("3600.5"), currency="EUR", output=Path("else"), keep=5, workers=3
    )
    check_settings(PATH, saved, changed.settings())
    assert TrainConfig().settings().keys() >= MAY_DIFFER


def test_a_setting_of_another_version_is_no_misfit() -> None:
    saved = header(settings=settings_as_json({**TrainConfig().settings(), "gone": 3}))
    check_settings(PATH, saved, {**TrainConfig().settings(), "new": 4})


def test_other_data_is_refused() -> None:
    saved = header(data={"dataset": "folder", "fingerprint": "abc"})
    check_data(PATH, saved, {"dataset": "folder", "fingerprint": "abc", "images": 3})
    with pytest.raises(CheckpointError, match="was trained on other data: fingerprint was abc and is abd now"):
        check_data(PATH, saved, {"dataset": "folder", "fingerprint": "abd"})
