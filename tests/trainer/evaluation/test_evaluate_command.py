"""`taximeter evaluate`: a run of two epochs on the digits, judged again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from support.programs import program
from taximeter.cli import main
from taximeter.training import cli as train_cli
from taximeter.training.config.schema import DataConfig
from taximeter.training.data.digits import open_digits
from taximeter.training.data.splits import split
from taximeter.training.evaluation import cli


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder of runs with the run `two`, and what its end said."""
    output = tmp_path_factory.mktemp("runs")
    before = train_cli._LAST_SCRAPE_SECONDS
    train_cli._LAST_SCRAPE_SECONDS = 0.0
    options = ["--epochs", "2", "--run", "two", "--price", "3.6", "--metrics-listen", "127.0.0.1:0"]
    try:
        assert main(["train", "--output", str(output), *options]) == 0
    finally:
        train_cli._LAST_SCRAPE_SECONDS = before
    return output, json.loads((output / "two" / "evaluation.json").read_text())


def evaluated(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[dict[str, Any], str]:
    assert main(["evaluate", "--format", "json", "--price", "3.6", *options]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


def test_a_process_says_what_the_training_said(trained: tuple[Path, dict[str, Any]]) -> None:
    output, said = trained
    pictures = output / "two" / "confusion.png"
    before = pictures.read_bytes()
    pictures.unlink()
    command = [program("taximeter"), "evaluate", "--run", "two", "--output", str(output), "--price", "3.6"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=480, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    lines = done.stdout.splitlines()
    assert lines[0] == f"Evaluation of two, small-resnet after epoch {said['epoch']}: 360 images, digits"
    assert f"  accuracy              {said['accuracy']:.2%}" in lines
    assert [line.split()[0] for line in lines[-10:]] == [str(digit) for digit in range(10)]
    assert re.search(r"run evaluate-two-\S+: \d+\.\d s of evaluation, cost 0\.\d{6} USD\n", done.stderr)
    # the same file again; the loss to the last bits but one, since another number of threads adds up differently
    again = json.loads((output / "two" / "evaluation.json").read_text())
    assert again.pop("loss") == pytest.approx(said["loss"], rel=1e-5)
    assert again == {name: value for name, value in said.items() if name != "loss"}
    assert pictures.read_bytes() == before


def digits_folder(root: Path, *, without: str | None = None, but: int = 0) -> Path:
    """The digits of the run's own validation split as files."""
    digits = load_digits()
    raw = open_digits(DataConfig(), 0)
    _, chosen = split(raw.training.labels, raw.classes, 0.2, 0)
    assert torch.equal(raw.training.labels, torch.from_numpy(digits.target).long())
    for index in chosen[but:].tolist():
        pixels, _ = raw.training.read(index)
        name = raw.classes[int(digits.target[index])]
        if name != without:
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(pixels[0])).save(root / name / f"{index}.png")
    return root


def test_another_folder_of_the_same_images_gives_the_same(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, said = trained
    folder = digits_folder(tmp_path / "photos")
    of_run = ["--run", "two", "--output", str(output), "--workers", "0"]
    before = (output / "two" / "evaluation.json").read_bytes()
    it, _ = evaluated(capsys, *of_run, "--data-dir", str(folder), "--files", str(tmp_path / "judged"))
    assert (it["dataset"], it["images"], it["accuracy"]) == (str(folder), 360, said["accuracy"])
    assert (it["confusion"], it["macro"]) == (said["confusion"], said["macro"])
    assert float(it["cost"]["USD"]) == pytest.approx(it["seconds"] * 3.6 / 3600, abs=2e-6)
    assert sorted(path.name for path in (tmp_path / "judged").iterdir()) == ["confusion.png", "evaluation.json"]
    assert (output / "two" / "evaluation.json").read_bytes() == before, "another folder is not the run's own"
    # which has only a part of the images
    few, _ = evaluated(capsys, *of_run, "--data-dir", str(digits_folder(tmp_path / "few", but=100)))
    assert few["images"] == 260


def test_what_is_wrong_is_said_in_one_line(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, _ = trained
    damaged = tmp_path / "damaged.pt"
    whole = (output / "two" / "checkpoints" / "best.pt").read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    lacking = digits_folder(tmp_path / "lacking", without="7")
    shutil.copytree(lacking / "3", lacking / "seven")
    cases = [
        (["--run", "tow"], "--run: no checkpoint of 'tow'", "near to it: two"),
        (["--checkpoint", str(damaged)], str(damaged), ""),
        (["--checkpoint", str(tmp_path / "none.pt")], "No such file", ""),
        (["--run", "two", "--data-dir", str(lacking)], "it lacks 7", "the model does not know seven"),
        (["--run", "two", "--data-dir", str(tmp_path / "none")], str(tmp_path / "none"), ""),
        (["--run", "two", "--workers", "-1"], "--workers: -1 does not fit: 0 to 256", ""),
        (["--run", "two", "--price", "much"], "--price: ", ""),
        (["--run", "two", "--files", str(damaged)], f"--files: {damaged} cannot be written (File exists)", ""),
    ]
    for options, *parts in cases:
        assert main(["evaluate", "--output", str(output), *options]) == 2, options
        printed = capsys.readouterr()
        assert printed.err.startswith("taximeter evaluate: "), options
        assert all(part in printed.err for part in parts), printed.err
        assert (printed.err.count("\n"), printed.out) == (1, ""), printed.err


def test_what_was_judged_is_shown_also_where_it_cannot_be_kept(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, said = trained
    (tmp_path / "evaluation.json").mkdir()
    options = ["--run", "two", "--output", str(output), "--files", str(tmp_path), "--format", "json", "--price", "1"]
    assert main(["evaluate", *options]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["accuracy"] == said["accuracy"]
    assert f"taximeter evaluate: {tmp_path} cannot be written (Is a directory)" in printed.err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_loads_ends_it_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals, status: int
) -> None:
    monkeypatch.setattr(cli, "load_trained", lambda _options: signal.raise_signal(number))
    assert main(["evaluate", "--run", "two"]) == status
    assert capsys.readouterr() == ("", "")
