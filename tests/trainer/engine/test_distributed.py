"""Two processes that torchrun starts, on the CPU (gloo): one launch for all that has to be seen of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.exporter import FakeExporter
from trainer.engine.tiny import Net, Tiny

SCRIPT = Path(__file__).with_name("two_ranks.py")
TESTS = Path(__file__).parents[2]
SECONDS = 480


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FakeExporter, int, str]:
    folder = tmp_path_factory.mktemp("ranks")
    exporter = FakeExporter().start()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environ = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder), exporter.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=environ,
    )
    exporter.stop()
    return folder, exporter, done.returncode, done.stderr


@pytest.fixture(scope="module")
def ranks(launched: tuple[Path, FakeExporter, int, str]) -> list[dict[str, Any]]:
    folder, _, _, said = launched
    assert (folder / "1.json").exists(), said
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_rank_0_names_the_run(ranks: list[dict[str, Any]]) -> None:
    assert [rank["name"] for rank in ranks] == ["run-of-0", "run-of-0"]
    assert [rank["waited_for"] for rank in ranks] == [None, "run-of-the-first"]
    assert [rank["largest"] for rank in ranks] == [7, 7]


def test_two_halves_train_as_the_whole(ranks: list[dict[str, Any]], tiny: Callable[..., Tiny]) -> None:
    assert ranks[0]["begin"] == ranks[1]["begin"]  # although each began with weights of its own
    assert ranks[0]["weights"] == ranks[1]["weights"]
    whole = tiny(model=Net(norm=False))
    model = whole.parts.model
    values = iter(ranks[0]["begin"])
    for parameter in model.parameters():
        parameter.data.copy_(parameter.new_tensor([next(values) for _ in range(parameter.numel())]).view_as(parameter))
    whole.run()
    ended = [value for parameter in model.parameters() for value in parameter.flatten().tolist()]
    assert ranks[0]["weights"] == pytest.approx(ended, abs=2e-5)


def test_the_evaluation_counts_all_images_of_both(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0]["validation"] == ranks[1]["validation"]
    assert ranks[0]["validation"] == pytest.approx(ranks[0]["validation_alone"], rel=1e-6)


def test_both_divide_when_one_is_out_of_memory(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert (rank["hungry"]["size"], rank["hungry"]["ooms"]) == (2, 2)  # 8, 4, 2
        assert rank["hungry"]["weights"] == pytest.approx(ranks[0]["weights"], abs=2e-5)


def test_both_stop_at_the_same_step_when_one_is_asked_to(ranks: list[dict[str, Any]]) -> None:
    assert [rank["stopped"] for rank in ranks] == [["interrupted", 2], ["interrupted", 2]]


def test_other_reasons_are_for_rank_0_to_decide(ranks: list[dict[str, Any]]) -> None:
    assert [rank["wished"] for rank in ranks] == [[None, 6], [None, 6]]
    assert [rank["decided"] for rank in ranks] == [["budget", 1], ["budget", 1]]


def test_statistics_are_the_same_at_the_end_of_an_epoch(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0]["statistics"] == ranks[1]["statistics"]


def test_a_rank_that_dies_ends_the_other_with_a_clear_message(
    ranks: list[dict[str, Any]], launched: tuple[Path, FakeExporter, int, str]
) -> None:
    folder, _, status, _ = launched
    assert status == 1
    said = (folder / "lost").read_text()
    assert said.startswith("rank 0 has lost the others: one of them has ended, see what it says (")
    assert "\n" not in said


def test_only_one_of_them_is_a_run_that_costs(
    ranks: list[dict[str, Any]], launched: tuple[Path, FakeExporter, int, str]
) -> None:
    _, exporter, _, _ = launched
    assert list(exporter.runs) == [ranks[0]["run"]]
