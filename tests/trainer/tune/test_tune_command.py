"""`taximeter tune` as its user starts it: real trainings of a small network, metered."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from PIL import Image
from support.promptness import waited_seconds_of_this_thread
from taximeter import Meter
from taximeter.cli import main
from taximeter.training.config.file import load
from taximeter.training.tune import trial as carrying_out
from taximeter.training.tune.outcome import Outcome
from taximeter.training.tune.trial import Order

from .conftest import outcome

SMALL = ["--dataset", "synthetic", "--synthetic-images", "96", "--image-size", "8", "--batch-size", "32"]
AROUND = ["--metrics-listen", "127.0.0.1:0", "--price", "3600", "--format", "json"]


def test_a_study_ends_with_a_table_a_picture_and_the_best_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    searches = ["--search", "optimizer=sgd,adamw", "--sampler", "grid"]
    output = ["--output", str(tmp_path), "--study", "s"]
    waited = waited_seconds_of_this_thread()
    assert main(["tune", *searches, *output, *SMALL, *AROUND, "--epochs", "1"]) == 0
    waited = waited_seconds_of_this_thread() - waited
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert {trial["settings"]["optimizer"] for trial in told["trials"]} == {"sgd", "adamw"}
    assert [trial["run"] for trial in told["trials"]] == ["s-t000", "s-t001"]
    for trial in told["trials"]:
        assert (trial["end"], trial["epochs"]) == ("finished", 1)
        # at 3600 USD an hour, a second is a dollar
        assert float(trial["cost"]) == pytest.approx(trial["seconds"], rel=0.02, abs=0.01 + waited)
    total = sum(float(trial["cost"]) for trial in told["trials"]) + float(told["overhead"])
    assert float(told["spent"]) == pytest.approx(total)
    folder = tmp_path / "s"
    assert json.loads((folder / "study.json").read_text()) == told
    with Image.open(folder / "study.png") as image:
        image.verify()
    best = load(folder / "best.yaml")
    assert best.optim.optimizer == told["trials"][told["best"]]["settings"]["optimizer"]
    assert (best.loop.epochs, best.money.budget, best.save.save) == (1, None, True)
    assert f"taximeter train --config {folder / 'best.yaml'}" in printed.err

    assert main(["tune", *searches, *output, *SMALL, *AROUND, "--epochs", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == told, "nothing was left to do, and nothing was spent"


def test_the_budget_is_that_of_the_whole_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--search", "learning_rate=0.001..0.1", "--trials", "50", "--output", str(tmp_path), "--study", "s"]
    assert main(["tune", *arguments, *SMALL, *AROUND, "--epochs", "1", "--budget", "3"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert float(told["spent"]) <= 3
    assert len(told["trials"]) < 50


def test_a_study_that_is_told_to_stop_says_what_it_found_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def carry_out(order: Order, meter: Meter, **_: object) -> Outcome:
        meter.end("stopped")
        meter.close(last_scrape_seconds=0)
        if order.number == 0:
            return outcome(0, settings=order.settings)
        signal.raise_signal(signal.SIGTERM)
        return outcome(1, settings=order.settings, end="interrupted")

    monkeypatch.setattr(carrying_out, "carry_out", carry_out)
    arguments = ["--search", "learning_rate=0.001..0.1", "--trials", "5", "--output", str(tmp_path), "--study", "s"]
    assert main(["tune", *arguments, *SMALL, *AROUND]) == 128 + signal.SIGTERM
    assert [told["end"] for told in json.loads(capsys.readouterr().out)["trials"]] == ["finished", "interrupted"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--search", "lr=1"], "--search: lr is no setting that can be tried"),
        (["--search", "optimizer=sgd", "--trials", "0"], "--trials: 0 is too few"),
        (["--search", "optimizer=sgd", "--objective", "cost"], "--objective: cost needs a --target-accuracy"),
        (["--search", "optimizer=sgd", "--study", "a b"], "--study: 'a b-t000' is not a run's name"),
        (["--search", "optimizer=sgd", "--epochs", "0"], "--epochs: "),
        (
            ["--search", "optimizer=sgd", "--budget", "1", "--exporter", "http://127.0.0.1:9", "--study", "s"],
            "no price is known in USD",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    around = ["--output", str(tmp_path), "--metrics-listen", "127.0.0.1:0"]
    assert main(["tune", *around, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"taximeter tune: {said}" in printed.err
