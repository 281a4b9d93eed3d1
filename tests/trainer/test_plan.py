"""How long a run goes on by its plan, and when it reached what."""

from __future__ import annotations

from decimal import Decimal

import pytest
from taximeter.done import Done, Reached
from taximeter.milestones import Milestones
from taximeter.plan import Plan

SECOND = 1_000_000_000
DONE = Done(
    steps=25,
    lost_steps=5,
    passes=2,
    phases_ns={
        "startup": 90 * SECOND,
        "compile": 60 * SECOND,
        "forward_backward": 40 * SECOND,
        "evaluation": 10 * SECOND,
    },
)


@pytest.mark.parametrize(
    ("plan", "steps_per_pass", "seconds"),
    [
        (Plan(steps=100), None, 80 * 2.0),  # 20 are in the model; each takes 2 s, with its share of the evaluations
        (Plan(epochs=10, steps=100), 50, 80 * 2.0),
        (Plan(epochs=10), 10, 80 * 2.0),
        (Plan(epochs=2.5), 10, 5 * 2.0),
        (Plan(epochs=10), None, 8 * 25.0),
        (Plan(epochs=1), 10, 0),
        (Plan(), 10, None),
    ],
)
def test_what_is_left_at_the_pace_so_far(plan: Plan, steps_per_pass: int | None, seconds: float | None) -> None:
    assert plan.remaining_seconds(DONE, steps_per_pass=steps_per_pass) == seconds


def test_before_the_first_step_nothing_is_known() -> None:
    assert Plan(epochs=10).remaining_seconds(Done(), steps_per_pass=10) is None


def reached(seconds: float) -> Reached:
    return Reached(seconds=seconds, cost={"USD": Decimal(seconds)})


def test_each_accuracy_is_reached_once() -> None:
    milestones = Milestones()
    milestones.aim(0.93)
    milestones.reach(0.05, reached(1))
    milestones.reach(0.55, reached(2))
    milestones.reach(0.3, reached(3))
    milestones.reach(0.94, reached(4))
    assert {accuracy: when.seconds for accuracy, when in milestones.read().items()} == {
        **dict.fromkeys((0.1, 0.2, 0.3, 0.4, 0.5), 2),
        **dict.fromkeys((0.6, 0.7, 0.8, 0.9, 0.93), 4),
    }


def test_what_an_earlier_part_reached_stays() -> None:
    milestones = Milestones()
    milestones.reach(0.2, reached(9))
    milestones.carry({0.1: reached(0.5), 0.6: reached(7)})
    milestones.carry({0.1: reached(1)})  # a checkpoint from before 0.6
    assert {accuracy: when.seconds for accuracy, when in milestones.read().items()} == {0.1: 1, 0.2: 9}
