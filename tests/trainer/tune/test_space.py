"""What a person writes after --search, and what is wrong with it."""

from __future__ import annotations

import pytest
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.tune.space import Range, Values, describe, parse_space, size

CONFIG = TrainConfig()


def test_values_and_ranges_are_what_the_schema_makes_of_them() -> None:
    space = parse_space(
        [
            "optimizer=sgd, adamw",
            "learning-rate=1e-4..1e-1:log",
            "--momentum=0.8..0.99",
            "batch_size=32..128",
            "early_stopping=none,3",
            "compile=yes,no",
        ],
        CONFIG,
    )
    assert dict(space) == {
        "optimizer": Values(("sgd", "adamw")),
        "learning_rate": Range(1e-4, 1e-1, True),
        "momentum": Range(0.8, 0.99, False),
        "batch_size": Range(32, 128, False),
        "early_stopping": Values((None, 3)),
        "compile": Values((True, False)),
    }
    batch_size, momentum = space["batch_size"], space["momentum"]
    assert isinstance(batch_size, Range)
    assert isinstance(momentum, Range)
    assert (batch_size.whole, momentum.whole) == (True, False)


def test_a_grid_is_all_combinations_of_values() -> None:
    assert size(parse_space(["optimizer=sgd,adamw", "batch_size=16,32,64"], CONFIG)) == 6
    with pytest.raises(ConfigError, match="grid takes values, and momentum is a range"):
        size(parse_space(["optimizer=sgd,adamw", "momentum=0.1..0.9"], CONFIG))


def test_the_same_space_is_described_the_same() -> None:
    searches = ["optimizer=sgd,adamw", "learning_rate=1e-4..1e-1:log", "price=1,2"]
    space = parse_space(searches[:2], CONFIG)
    assert describe(space) == {
        "optimizer": ["sgd", "adamw"],
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    }


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("optimizer", "'optimizer' is not NAME=VALUES"),
        ("optimizer=", "'optimizer=' is not NAME=VALUES"),
        ("optimiser=sgd", "optimiser is no setting that can be tried; did you mean optimizer?"),
        ("budget=1,2", "budget is no setting that can be tried"),
        ("target_accuracy=0.5,0.6", "target_accuracy is no setting that can be tried"),
        ("optimizer=sgd,adams", "optimizer: 'adams' is none of sgd, adam, adamw"),
        ("optimizer=sgd..adamw", "optimizer: has no range; list its values"),
        ("compile=yes..no", "compile: has no range"),
        ("batch_size=1.5", "batch_size: '1.5' is not a whole number"),
        ("learning_rate=0.1..0.01", "learning_rate: 0.1..0.01 is no range"),
        ("weight_decay=0..1:log", "weight_decay: 0..1:log is no range: the first has to be the smaller and above 0"),
    ],
)
def test_what_is_wrong_is_said(search: str, said: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        parse_space([search], CONFIG)
    assert str(wrong.value).startswith(f"--search: {said}")


def test_values_that_a_setting_does_not_take_are_found_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="--batch-size: 0 does not fit"):
        parse_space(["batch_size=0..64"], CONFIG)
    with pytest.raises(ConfigError, match="there twice"):
        parse_space(["momentum=0.5", "momentum=0.9"], CONFIG)
