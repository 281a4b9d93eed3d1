"""`taximeter train` with checkpoints as a person, or a cloud, meets it."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import replace
from typing import Any

import pytest
from support.runner import Runner
from taximeter.training.checkpoint.file import encode, load, read
from taximeter.training.checkpoint.folder import CheckpointFolder

SMALL = [
    *["--project", "vision", "--device", "cpu", "--price", "3600", "--workers", "0", "--format", "json"],
    *["--dataset", "synthetic", "--synthetic-images", "80", "--image-size", "8", "--batch-size", "16"],
]
STEPS = 4


def checkpoints(runner: Runner, run: str) -> list[tuple[int, int, str | None]]:
    """Step, epochs and reason to stop of each, the oldest first."""
    folder = CheckpointFolder(runner.output / run / "checkpoints")
    headers = [read(path) for path in reversed(folder.checkpoints())]
    return [(header.step, header.epoch, header.stop) for header in headers]


def finish(runner: Runner, *options: str, **here: Any) -> int:
    runner.start(*SMALL, *options, **here)
    return runner.status()


@pytest.mark.parametrize(
    ("sigterm_in", "expected"),
    [("step", [(1, 0)]), ("evaluation", [(STEPS, 0)]), ("checkpoint", [(STEPS, 1)])],
)
def test_sigterm_writes_a_checkpoint_and_the_run_goes_on(
    runner: Runner, sigterm_in: str, expected: list[tuple[int, int]]
) -> None:
    run = f"reclaimed-in-{sigterm_in}"
    status = finish(runner, "--run", run, "--epochs", "3", sigterm_in=sigterm_in)
    assert status == 128 + signal.SIGTERM, runner.said
    assert [(step, epoch) for step, epoch, _ in checkpoints(runner, run)] == expected
    assert runner.bill["result"] == "stopped"
    assert f"to go on from its last checkpoint: --resume auto --run {run}" in runner.said
    spent = float(runner.bill["cost"]["USD"])

    assert finish(runner, "--epochs", "3", "--resume", "auto") == 0, runner.said  # the project's last run
    assert re.search(
        rf"^going on from \S*/{run}/checkpoints/000001-step-{expected[0][0]}\.pt: after ", runner.said, re.M
    )
    bill = runner.bill
    assert (bill["run"], bill["steps"], bill["epochs"], bill["result"]) == (run, 3 * STEPS, 3, "finished")
    assert float(bill["cost"]["USD"]) > spent

    assert finish(runner, "--epochs", "3", "--resume", "auto") == 0
    assert runner.said == f"run {run}: all is done that was asked for; nothing is left to train\n"


def test_a_disk_that_is_full_costs_no_training_and_no_checkpoint(runner: Runner) -> None:
    assert finish(runner, "--run", "full", "--epochs", "4", full_for=[2, 3]) == 0, runner.said
    assert checkpoints(runner, "full") == [(STEPS, 1, None), (4 * STEPS, 4, None)]
    failed = r"^taximeter: the checkpoint of step (\d+) could not be written \((.*); (\d) so far\)"
    said = re.findall(failed, runner.said, re.MULTILINE)
    assert said == [("8", "File too large", "1"), ("12", "File too large", "2")]


def test_a_newest_that_is_cut_short_is_passed_over(runner: Runner) -> None:
    assert finish(runner, "--run", "cut", "--epochs", "2") == 0
    folder = CheckpointFolder(runner.output / "cut" / "checkpoints")
    newest, before = folder.checkpoints()
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert finish(runner, "--run", "cut", "--epochs", "3", "--resume", "auto") == 0, runner.said
    assert f"taximeter: {newest}: cut short or altered" in runner.said
    assert f"going on from {before}: after 1 epochs and 4 steps" in runner.said
    assert checkpoints(runner, "cut")[-1] == (3 * STEPS, 3, None)


def test_what_does_not_fit_is_refused_before_anything_starts(runner: Runner) -> None:
    assert finish(runner, "--run", "other", "--epochs", "1") == 0
    path = CheckpointFolder(runner.output / "other" / "checkpoints").checkpoints()[0]
    before = (runner.output / "other" / "journal.jsonl").read_bytes()
    for options, complaint in (
        (["--model", "resnet18"], "does not fit: model was small-resnet and is resnet18 now; set it as it was"),
        (["--dataset", "digits"], "does not fit: dataset was synthetic and is digits now; "),
        (["--learning-rate", "0.1"], "does not fit: learning_rate was 0.003 and is 0.1 now; "),
    ):
        for resume in (["--resume", "auto", "--run", "other"], ["--resume", str(path)]):
            assert finish(runner, *options, *resume) == 2
            assert runner.said.startswith(f"taximeter train: {path}: {complaint}")
            assert runner.said.count("\n") == 1
    assert finish(runner, "--run", "other") == 2
    assert runner.said.startswith(
        f"taximeter train: --run: {runner.output}/other has checkpoints of a run of this name; -"
    )
    assert finish(runner, "--resume", "no.pt") == 2
    assert runner.said.startswith("taximeter train: --resume: no.pt: No such file or directory; ")
    assert (runner.output / "other" / "journal.jsonl").read_bytes() == before


def test_other_data_is_refused(runner: Runner) -> None:
    """The same configuration; only the checkpoint knows of other images."""
    assert finish(runner, "--run", "data", "--epochs", "1") == 0
    folder = CheckpointFolder(runner.output / "data" / "checkpoints")
    found = folder.newest_good()
    assert found is not None
    other = replace(found.header, data={**found.header.data, "fingerprint": "sha256:0"})
    folder.save(encode(other, load(found.path)), step=STEPS, best=False, keep=2)
    assert finish(runner, "--run", "data", "--epochs", "2", "--resume", "auto") == 2
    assert "was trained on other data: fingerprint was sha256:0 and is sha256:" in runner.said.splitlines()[-1]


def test_more_epochs_go_on_with_their_own_schedule(runner: Runner) -> None:
    assert finish(runner, "--run", "longer", "--epochs", "1") == 0
    assert finish(runner, "--run", "longer", "--epochs", "3", "--resume", "auto") == 0, runner.said
    assert "epochs were 1 and are 3 now, and so the learning rate's course" in runner.said
    assert checkpoints(runner, "longer")[-1] == (3 * STEPS, 3, None)


def test_two_processes_do_not_train_one_run(runner: Runner) -> None:
    folder = CheckpointFolder(runner.output / "busy" / "checkpoints")
    with folder.locked():
        assert finish(runner, "--run", "busy") == 2
    assert runner.said == (
        f"taximeter train: {runner.output}/busy: another process is training this run now; wait for it, or name "
        "another --run\n"
    )


def test_the_folder_holds_what_repeats_the_run(runner: Runner) -> None:
    assert finish(runner, "--run", "kept", "--epochs", "1") == 0
    folder = runner.output / "kept"
    data = json.loads((folder / "data.json").read_text())
    assert (data["dataset"], data["synthetic"]) == ("synthetic", True)
    first = load(folder / "checkpoints" / "last.pt")
    runner.start("--config", str(folder / "config.yaml"), "--run", "again", "--project", "vision", "--format", "json")
    assert runner.status() == 0, runner.said
    again = load(runner.output / "again" / "checkpoints" / "last.pt")
    assert all((first["model"][name] == again["model"][name]).all() for name in first["model"])


def test_without_saving_nothing_is_written(runner: Runner) -> None:
    assert finish(runner, "--run", "unsaved", "--epochs", "1", "--no-save") == 0
    assert not (runner.output / "unsaved").exists()


@pytest.mark.parametrize("seconds", [0.8, 1.3])
def test_a_real_budget_is_kept(runner: Runner, seconds: float) -> None:
    """At a dollar a second, in real time: what is spent beyond start-up stays below the limit."""
    run = f"budget-{seconds}"
    assert finish(runner, "--run", run, "--epochs", "1") == 0
    startup = next(part["seconds"] for part in runner.bill["phases"] if part["phase"] == "startup")
    limit = float(runner.bill["cost"]["USD"]) + 2 * startup + 1 + seconds
    options = ("--run", run, "--epochs", "100000", "--resume", "auto", "--budget", f"{limit:.3f}")
    assert finish(runner, *options) == 3, runner.said
    bill = runner.bill
    assert bill["result"] == "budget"
    stopped = r"^stopped: [\d.]+ USD of the budget of [\d.]+ USD are spent at step \d+: too little"
    assert re.search(stopped, runner.said, re.MULTILINE)
    assert float(bill["cost"]["USD"]) <= limit + 0.25  # a step takes some milliseconds, and may have to wait for others
    assert checkpoints(runner, run)[-1][2] == "budget"
    assert checkpoints(runner, run)[-1][0] == bill["steps"]
    assert finish(runner, *options) == 3
    assert runner.said == f"run {run}: its budget is used up; to go on takes a higher --budget\n"
