"""The study as a table, as JSON and as a picture."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image
from taximeter.training.tune.outcome import Outcome
from taximeter.training.tune.plot import plot
from taximeter.training.tune.report import to_json, to_table

from .conftest import outcome

TRIALS = [
    outcome(0, settings={"learning_rate": 0.012345678, "optimizer": "sgd"}),
    outcome(1, settings={"learning_rate": 0.1, "optimizer": "adamw"}, accuracy=0.75, cost_to_target=Decimal("1.5")),
    outcome(2, settings={"learning_rate": 0.2, "optimizer": "sgd"}, end="failed", accuracy=None, cost=None, epochs=0),
]


def test_the_table_marks_the_best_and_adds_up() -> None:
    table = to_table(TRIALS, study="s", objective="accuracy", currency="USD", overhead=Decimal("0.25"))
    assert table.splitlines() == [
        "Study s",
        "trial    result  epochs  accuracy      cost  cost to target  learning_rate  optimizer",
        "    0  finished       3    50.00%  2.00 USD                        0.01235        sgd",
        "  * 1  finished       3    75.00%  2.00 USD        1.50 USD            0.1      adamw",
        "    2    failed       0                                                0.2        sgd",
        "",
        "  3 trials, total 4.25 USD, 0.250000 USD of it to get ready",
        "  best: trial 1, 75.00%: learning_rate 0.1, optimizer adamw",
    ]


def test_by_cost_the_cheapest_to_the_target_is_told_or_that_there_is_none() -> None:
    last = to_table(TRIALS, study="s", objective="cost", currency="EUR", overhead=Decimal(0)).splitlines()[-1]
    assert last == "  cheapest to the target: trial 1, 1.50 EUR: learning_rate 0.1, optimizer adamw"
    last = to_table(TRIALS[:1], study="s", objective="cost", currency="EUR", overhead=Decimal(0)).splitlines()[-1]
    assert last == "  no trial reached the target"


def test_without_a_price_the_total_is_not_known() -> None:
    table = to_table([outcome(cost=None)], study="s", objective="accuracy", currency="USD", overhead=Decimal(0))
    assert "  1 trials, total not known" in table.splitlines()


def test_the_json_has_every_trial() -> None:
    told = to_json(
        TRIALS,
        study="s",
        objective="cost",
        target_accuracy=0.7,
        currency="USD",
        budget=Decimal("9.5"),
        overhead=Decimal("0.25"),
    )
    assert (told["best"], told["spent"], told["overhead"], told["budget"]) == (1, "4.25", "0.25", "9.5")
    assert [Outcome.from_json(trial) for trial in told["trials"]] == TRIALS


def test_the_picture_can_be_read_and_shows_each_kind_of_trial(tmp_path: Path) -> None:
    def drawn(trials: list[Outcome]) -> np.ndarray:
        plot(
            trials,
            tmp_path / "study.png",
            study="s",
            objective="accuracy",
            target_accuracy=0.7,
            currency="USD",
            overhead=Decimal(1),
            simulated=False,
        )
        with Image.open(tmp_path / "study.png") as image:
            assert image.format == "PNG"
            return np.asarray(image.convert("RGB"))

    def count(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
        return int((pixels == colour).all(-1).sum())

    blue, grey = (0x00, 0x72, 0xB2), (0x99, 0x99, 0x99)
    two, three = drawn(TRIALS), drawn([*TRIALS, outcome(3, end="pruned", accuracy=0.2)])
    assert two.shape == three.shape == (504, 1200, 3)
    assert count(two, blue) > count(drawn(TRIALS[:1]), blue) + 50, "a mark more"
    assert count(three, grey) > count(two, grey) + 20
    drawn([outcome(accuracy=None)])  # nothing to show is no error
