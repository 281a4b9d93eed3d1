"""Which trial is the best, and what all of them cost."""

from __future__ import annotations

import json
from decimal import Decimal

from taximeter.training.tune.outcome import NOT_REACHED, Outcome, best, spent, value

from .conftest import outcome


def test_by_accuracy_the_cheaper_of_equals_is_best() -> None:
    trials = [outcome(0), outcome(1, accuracy=0.9, cost=Decimal(5)), outcome(2, accuracy=0.9, cost=Decimal(3))]
    assert best(trials, "accuracy") is trials[2]
    assert best([outcome(accuracy=None), outcome(end="failed")], "accuracy") is None


def test_by_cost_only_those_that_reached_the_target_count() -> None:
    trials = [
        outcome(0, accuracy=0.99),
        outcome(1, cost_to_target=Decimal("1.5")),
        outcome(2, cost_to_target=Decimal("1.25"), cost=Decimal(9)),
    ]
    assert best(trials, "cost") is trials[2]
    assert best(trials[:1], "cost") is None


def test_a_trial_that_missed_the_target_is_worse_than_any_that_did_not() -> None:
    reached = value(outcome(cost_to_target=Decimal(10**9)), "cost")
    near, far = value(outcome(accuracy=0.9), "cost"), value(outcome(accuracy=0.1), "cost")
    nothing = value(outcome(accuracy=None), "cost")
    assert reached < NOT_REACHED < near < far < nothing


def test_what_was_spent_is_exact() -> None:
    trials = [outcome(number, cost=Decimal("0.1")) for number in range(3)] + [outcome(cost=None)]
    assert spent(trials) == Decimal("0.3")


def test_an_outcome_survives_being_written() -> None:
    for one in (outcome(cost_to_target=Decimal("0.1234567890123456789")), outcome(cost=None, accuracy=None)):
        assert Outcome.from_json(json.loads(json.dumps(one.to_json()))) == one
