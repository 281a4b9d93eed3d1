"""What ends a training that had begun, as a person sees it: one line, exit status 1, and the bill so far."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from taximeter.cli import main
from taximeter.training import cli
from taximeter.training.checkpoint.folder import CheckpointFolder
from taximeter.training.models.small_resnet import SmallResNet


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody scrapes the metrics in this process, and torch's switches are as they were."""
    monkeypatch.setattr(cli, "_LAST_SCRAPE_SECONDS", 0.0)
    yield
    torch.backends.cudnn.benchmark = False


def train(output: Path, *options: str) -> int:
    command = ["train", "--run", "r", "--price", "1", "--output", str(output), "--metrics-listen", "127.0.0.1:0"]
    command += ["--dataset", "synthetic", "--synthetic-images", "80", "--image-size", "8", "--batch-size", "16"]
    return main([*command, "--device", "cpu", *options])


def test_a_loss_that_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--optimizer", "sgd", "--schedule", "constant", "--epochs", "3", "--precision", "bf16")
    assert train(tmp_path, *options, "--learning-rate", "1e30") == 1
    said = capsys.readouterr()
    assert "taximeter train: epoch 1, step " in said.err
    assert "the loss is nan: training cannot go on from there; a lower --learning-rate" in said.err
    assert "Traceback" not in said.err
    assert "result                failed" in said.out
    assert "checkpoint" not in said.err
    assert CheckpointFolder(tmp_path / "r" / "checkpoints").checkpoints() == []


def test_after_a_failure_the_last_checkpoint_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(tmp_path, "--epochs", "1") == 0
    forward = SmallResNet.forward
    monkeypatch.setattr(SmallResNet, "forward", lambda self, images: forward(self, images) * float("nan"))
    assert train(tmp_path, "--epochs", "2", "--resume", "auto") == 1
    kept = tmp_path / "r" / "checkpoints" / "000001-step-4.pt"
    assert capsys.readouterr().err.endswith(f"; the last checkpoint is as it was: {kept}\n")


def test_no_memory_for_a_single_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = SmallResNet.forward

    def hungry(self: SmallResNet, images: torch.Tensor) -> torch.Tensor:
        if self.training and torch.is_grad_enabled() and not images.is_meta:
            raise torch.OutOfMemoryError(f"no memory for {len(images)} images")
        return forward(self, images)

    monkeypatch.setattr(SmallResNet, "forward", hungry)
    assert train(tmp_path, "--epochs", "1") == 1
    said = capsys.readouterr()
    assert "taximeter train: out of memory with a single image at a time (no memory for 1 images): take" in said.err
    assert "Traceback" not in said.err
