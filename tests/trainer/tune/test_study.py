"""The search: what is tried, within which budget, and how it goes on after a kill. No trial is carried out here."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from taximeter.done import Done
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.tune.outcome import Outcome, best
from taximeter.training.tune.space import parse_space
from taximeter.training.tune.study import Search, Study
from taximeter.training.tune.trial import Order

from .conftest import outcome


def search(*searches: str, **changes: Any) -> Search:
    """Ten trials at random by accuracy, unless told otherwise."""
    config = TrainConfig()
    plain: dict[str, Any] = {
        "study": "s",
        "config": config,
        "space": parse_space(searches or ("learning_rate=0.001..0.1:log",), config),
        "sampler": "random",
        "objective": "accuracy",
        "trials": 10,
        "prune": True,
    }
    return Search(**plain | changes)


def answered(order: Order, **changes: Any) -> Outcome:
    return outcome(order.number, settings=order.settings, **changes)


def carried_out(study: Study, answer: Callable[[Order], Outcome], *, budget: Decimal | None = None) -> list[Order]:
    """Go from trial to trial until none is left, or nothing of the budget. Returns what was ordered."""
    orders: list[Order] = []

    def carry_out(order: Order) -> Outcome:
        orders.append(order)
        return answer(order)

    while study.left and study.go_on(budget=budget, carry_out=carry_out):
        pass
    return orders


def test_a_grid_is_tried_whole_and_once(tmp_path: Path) -> None:
    grid = search("optimizer=sgd,adamw", "batch_size=16,32,64", sampler="grid", trials=6)
    orders = carried_out(Study(grid, tmp_path), answered)
    tried = {(order.settings["optimizer"], order.settings["batch_size"]) for order in orders}
    assert len(orders) == len(tried) == 6
    for order in orders:
        assert order.config.optim.optimizer == order.settings["optimizer"]
        assert order.config.loop.batch_size == order.settings["batch_size"]


@pytest.mark.parametrize("sampler", ["random", "bayesian"])
def test_values_stay_within_their_ranges_and_follow_the_seed(tmp_path: Path, sampler: Any) -> None:
    wanted = search("learning_rate=0.001..0.1:log", "batch_size=32..64", sampler=sampler)
    orders = carried_out(Study(wanted, tmp_path / "a"), answered)
    assert len({order.settings["learning_rate"] for order in orders}) == 10
    for order in orders:
        assert 0.001 <= order.config.optim.learning_rate <= 0.1
        assert 32 <= order.config.loop.batch_size <= 64
    again = carried_out(Study(wanted, tmp_path / "b"), answered)
    assert [order.settings for order in again] == [order.settings for order in orders]


def test_a_bayesian_search_comes_closer_than_chance(tmp_path: Path) -> None:
    def answer(order: Order) -> Outcome:
        return answered(order, accuracy=1 - abs(order.config.optim.momentum - 0.7))

    found = {}
    for sampler in ("random", "bayesian"):
        wanted = search("momentum=0..0.99", sampler=sampler, trials=30)
        study = Study(wanted, tmp_path / sampler)
        carried_out(study, answer)
        late = [one.accuracy or 0 for one in study.outcomes[15:]]
        found[sampler] = sum(late) / len(late)
    assert found["bayesian"] > found["random"] + 0.1


def test_each_trial_gets_what_is_left_of_the_budget(tmp_path: Path) -> None:
    study = Study(search(), tmp_path)
    study.add_overhead(Decimal("0.5"))
    orders = carried_out(study, answered, budget=Decimal(6))
    assert [order.config.money.budget for order in orders] == [Decimal("5.5"), Decimal("3.5"), Decimal("1.5")]
    assert study.left == 7, "the budget was too small for more"


def test_a_study_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    first = Study(search(trials=3), tmp_path)
    first.add_overhead(Decimal(1))
    before = carried_out(first, answered)

    def killed(_: Order) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Study(search(trials=5), tmp_path).go_on(budget=None, carry_out=killed)
    second = Study(search(trials=5), tmp_path)
    assert [one.end for one in second.outcomes] == ["finished", "finished", "finished", "interrupted"]
    assert second.overhead == 1
    after = carried_out(second, answered)
    assert len(after) == 2
    assert {order.number for order in after}.isdisjoint({order.number for order in before})


def test_a_study_goes_on_with_other_settings_than_it_had_tried(tmp_path: Path) -> None:
    for sampler in ("random", "bayesian"):
        folder = tmp_path / sampler
        before = carried_out(Study(search(trials=4, sampler=sampler), folder), answered)
        after = carried_out(Study(search(trials=8, sampler=sampler), folder), answered)
        assert len({order.settings["learning_rate"] for order in (*before, *after)}) == 8


def test_what_a_killed_trial_had_cost_is_counted_and_its_settings_are_tried_again(tmp_path: Path) -> None:
    grid = search("optimizer=sgd,adamw", sampler="grid", trials=2)
    first = Study(grid, tmp_path)

    def killed(order: Order) -> Outcome:
        done = Done(cost={"USD": Decimal("1.25")}, phases_ns={"startup": 3_000_000_000}, passes=2, best_accuracy=0.4)
        first.journal(order.number).write_text(f"\n{json.dumps(done.to_json())}")
        tried.append(order.settings["optimizer"])
        raise KeyboardInterrupt

    tried: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        first.go_on(budget=Decimal(6), carry_out=killed)
    second = Study(grid, tmp_path)
    (lost,) = second.outcomes
    assert (lost.end, lost.cost, lost.epochs, lost.accuracy) == ("interrupted", Decimal("1.25"), 2, 0.4)
    assert lost.settings == {"optimizer": tried[0]}
    orders = carried_out(second, answered, budget=Decimal(6))
    assert [order.config.money.budget for order in orders] == [Decimal("4.75"), Decimal("2.75")]
    assert sorted(order.settings["optimizer"] for order in orders) == ["adamw", "sgd"]
    assert [path.name for path in tmp_path.iterdir()] == ["study.log"]


def test_a_trial_that_was_stopped_is_tried_again(tmp_path: Path) -> None:
    for end in ("interrupted", "budget"):
        grid = search("optimizer=sgd,adamw", sampler="grid", trials=2)
        Study(grid, tmp_path / end).go_on(budget=None, carry_out=partial(answered, end=end))
        orders = carried_out(Study(grid, tmp_path / end), answered)
        assert sorted(order.settings["optimizer"] for order in orders) == ["adamw", "sgd"]


def test_no_trial_begins_whose_start_costs_more_than_is_left(tmp_path: Path) -> None:
    study = Study(search(), tmp_path)
    orders = carried_out(study, lambda order: answered(order, startup_cost=Decimal("1.5")), budget=Decimal(5))
    assert [order.config.money.budget for order in orders] == [Decimal(5), Decimal(3)]
    assert study.budget_left(Decimal(5)) == 0
    assert study.budget_left(Decimal("5.75")) == Decimal("1.75")


def test_a_study_of_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    Study(search("momentum=0.1..0.9"), tmp_path)
    with pytest.raises(ConfigError, match="is a study of something else"):
        Study(search("momentum=0.1..0.8"), tmp_path)
    with pytest.raises(ConfigError, match="is a study of something else"):
        Study(search("momentum=0.1..0.9", objective="cost"), tmp_path)


def test_a_trial_that_fails_does_not_end_the_search(tmp_path: Path) -> None:
    study = Study(search(trials=4), tmp_path)
    carried_out(study, lambda order: answered(order, end="failed", reason="NaN", accuracy=None))
    assert [one.end for one in study.outcomes] == ["failed"] * 4
    assert best(study.outcomes, "accuracy") is None


def test_a_trial_behind_the_median_is_hopeless(tmp_path: Path) -> None:
    study = Study(search(trials=6), tmp_path)
    said: list[bool] = []

    def answer(order: Order) -> Outcome:
        for epoch in (1, 2, 3):
            order.hopeless(epoch, 0.5 + 0.1 * epoch)
        if order.number == 5:
            said.append(order.hopeless(4, 0.1))
            return answered(order, end="pruned")
        order.hopeless(4, 0.9)
        return answered(order)

    carried_out(study, answer)
    assert said == [True]
    unpruned = Study(search(trials=1, prune=False), tmp_path / "all")
    (order,) = carried_out(unpruned, answered)
    assert order.hopeless(1, 0.0) is False


def test_by_cost_a_trial_may_cost_no_more_than_the_best(tmp_path: Path) -> None:
    costs = [Decimal(9), Decimal(4), Decimal(6), Decimal(1)]
    wanted = search(objective="cost", trials=4)
    orders = carried_out(Study(wanted, tmp_path), lambda order: answered(order, cost_to_target=costs[order.number]))
    assert [order.at_most for order in orders] == [None, Decimal(9), Decimal(4), Decimal(4)]
