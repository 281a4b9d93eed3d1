"""Every setting is an option, which says what it does and refuses what it cannot mean."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from taximeter.training.config.error import ConfigError
from taximeter.training.config.options import add_arguments, from_arguments, nearest
from taximeter.training.config.schema import SECTION_OF, TrainConfig


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train", allow_abbrev=False)
    add_arguments(parser)
    return parser


def test_no_options_give_the_defaults(parser: argparse.ArgumentParser) -> None:
    assert from_arguments(parser.parse_args([])) == TrainConfig()


def test_every_setting_is_an_option_with_a_help_text(parser: argparse.ArgumentParser) -> None:
    shown = " ".join(parser.format_help().split())
    for name in SECTION_OF:
        assert re.search(rf"--{name.replace('_', '-')}\b", shown), name
    assert "{sgd,adam,adamw}" in shown
    assert "(default: 0.003)" in shown


def test_options_are_read(parser: argparse.ArgumentParser) -> None:
    options = ["--epochs", "3", "--no-download", "--compile", "--price", "3600.10", "--output", "out"]
    options += ["--checkpoint-every", "30", "--resident", "no", "--dropout", "none", "--data-dir", "none"]
    config = from_arguments(parser.parse_args([*options, "--dataset", "cifar10"]))
    assert (config.loop.epochs, config.data.download, config.loop.compile) == (3, False, True)
    assert (config.money.price, config.save.output) == (Decimal("3600.10"), Path("out"))
    assert (config.save.checkpoint_every, config.data.resident, config.model.dropout) == (30.0, "no", None)
    assert config.data.data_dir == Path("none")


def test_an_option_takes_back_what_the_file_says(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("optim: {ema_decay: 0.9}\nloop: {compile: true}\n")
    config = from_arguments(parser.parse_args(["--config", str(file), "--ema-decay", "none", "--no-compile"]))
    assert (config.optim.ema_decay, config.loop.compile) == (None, False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--optimizer", "adm"], "argument --optimizer: 'adm' is none of sgd, adam, adamw; did you mean adam?"),
        (["--epochs", "many"], "argument --epochs: 'many' is not a whole number"),
        (["--price", "cheap"], "argument --price: 'cheap' is not an amount, as 2.50"),
        (["--data-dir", ""], "argument --data-dir: the path is empty"),
    ],
)
def test_an_option_that_cannot_be_read(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(options)
    assert said in capsys.readouterr().err


def test_a_misspelt_option_has_a_near_one(parser: argparse.ArgumentParser) -> None:
    assert nearest("--learning-rat", parser) == "; did you mean --learning-rate?"
    assert nearest("--frobnicate", parser) == ""


def test_options_can_be_left_out() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser, without=["profile_steps", "resume"])
    assert "--resume" not in parser.format_help()
    assert from_arguments(parser.parse_args(["--seed", "3"])) == TrainConfig.of(seed=3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dataset": "folder"}, "--data-dir: is needed for --dataset folder"),
        ({"data_dir": Path("x")}, "--data-dir: digits needs none"),
        ({"dataset": "synthetic", "synthetic_channels": 2}, "--synthetic-channels: 2 does not fit: 1 (grey) or 3"),
        ({"batch_size": 1438}, "--batch-size: 1438 does not fit: 1 to 1437, the training images of digits"),
        ({"batch_size": 9, "synthetic_images": 10, "synthetic_classes": 2, "dataset": "synthetic"}, "--batch-size: 9"),
        ({"accumulate": 128}, "--accumulate: 128 does not fit"),
        ({"resident": "yes", "randaugment": 9}, "--randaugment: varies images one by one"),
        ({"resident": "yes", "crop_area": 0.5}, "--crop-area: needs images of full size"),
        ({"pretrained": True}, "--pretrained: there are no weights for small-resnet"),
        ({"model": "resnet18", "pretrained": True, "weights": Path("w")}, "--weights: and --pretrained are two"),
        ({"freeze": "head-first"}, "--freeze: random weights are not worth keeping"),
        ({"schedule": "one-cycle", "warmup_epochs": 1.0}, "--warmup-epochs: one-cycle has a warm-up of its own"),
        ({"warmup_epochs": 18.0}, "--warmup-epochs: 18.0 does not fit: below the 18 epochs of the run"),
        ({"precision": "fp16", "device": "cpu"}, "--precision: fp16 needs a GPU"),
        ({"currency": "dollars"}, "--currency: 'dollars' is not a currency"),
        ({"start": "cheapest", "price": Decimal(1)}, "--start: a --price by hand is the same at all hours"),
        ({"resume": "auto", "save": False}, "--resume: auto needs checkpoints"),
        ({"profile_steps": "20-10"}, "--profile-steps: '20-10' is not the first and the last step"),
        ({"profile_steps": "0-3"}, "--profile-steps: '0-3' is not the first and the last step"),
        ({"price": Decimal("sNaN")}, "--price: sNaN does not fit: 0 or more"),
        ({"flip": 1.5}, "--flip: 1.5 does not fit: 0 to 1"),
        ({"scale": 1.0}, "--scale: 1.0 does not fit: 0 or more and below 1"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        TrainConfig.of(**settings)
    assert str(wrong.value).startswith(said)


def test_files_that_are_not_there_are_named(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for options, said in (
        (["--dataset", "folder", "--data-dir", f"{tmp_path}/none"], f"--data-dir: {tmp_path}/none is not there"),
        (["--dataset", "folder", "--data-dir", f"{tmp_path}/file"], f"--data-dir: {tmp_path}/file is no folder"),
        (["--weights", f"{tmp_path}/none"], f"--weights: {tmp_path}/none is not there"),
        (["--weights", f"{tmp_path}"], f"--weights: {tmp_path} is no file"),
    ):
        with pytest.raises(ConfigError) as wrong:
            from_arguments(parser.parse_args(options))
        assert str(wrong.value) == said
    options = ["--dataset", "folder", "--data-dir", f"{tmp_path}", "--weights", f"{tmp_path}/file"]
    assert from_arguments(parser.parse_args(options)).data.data_dir == tmp_path


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="there is no setting 'epoch'"):
        TrainConfig.of(epoch=3)


def test_the_options_need_nothing_that_the_extra_installs() -> None:
    program = (
        "import argparse, sys\n"
        "for extra in ('torch', 'torchvision', 'yaml', 'msgspec', 'sklearn', 'tqdm'): sys.modules[extra] = None\n"
        "from taximeter.training.config.options import add_arguments, from_arguments\n"
        "parser = argparse.ArgumentParser(); add_arguments(parser); parser.format_help()\n"
        "print(from_arguments(parser.parse_args(['--epochs', '3'])).loop.epochs)\n"
        "from_arguments(parser.parse_args(['--config', sys.executable]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=240)
    assert done.stdout == "3\n"
    assert "--config: to read YAML needs pyyaml: pip install './trainer[trainer]'" in done.stderr
