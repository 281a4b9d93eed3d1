"""What a run has done survives a checkpoint and a kill, and nothing is counted twice or forgotten."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from taximeter.done import Done, Reached, done_from_json, resumed

SECOND = 1_000_000_000


def done(steps: int, **changes: Any) -> Done:
    """Two seconds of start-up, then a second for each step, at a dollar a second."""
    given: dict[str, Any] = {
        "steps": steps,
        "samples": 64 * steps,
        "passes": steps // 10,
        "flops": 1e9 * steps,
        "phases_ns": {"startup": 2 * SECOND, "forward_backward": steps * SECOND},
        "cost": {"USD": Decimal(steps + 2)},
        "best_accuracy": 0.5,
        "reached": {0.5: Reached(seconds=3.5, cost={"USD": Decimal("3.5")})},
    }
    return Done(**(given | changes))


def test_to_json_and_back() -> None:
    before = done(25, lost_steps=3, lost_ns=3 * SECOND, out_of_memory=1)
    assert done_from_json(json.loads(json.dumps(before.to_json()))) == before
    assert done_from_json(Done().to_json()) == Done()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"version": 2}, "its version is 2, not 1"),
        ({"steps": -1}, "its steps is -1"),
        ({"samples": "many"}, "its samples is 'many'"),
        ({"cost": {"USD": "NaN"}}, "its money is"),
        ({"cost": {"USD": "much"}}, "it is not a meter's state"),
        ({"cost": None}, "it is not a meter's state"),
        ({"reached": {"0.5": [1]}}, "not enough values"),
    ],
)
def test_what_is_no_state_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        done_from_json(done(1).to_json() | changes)


@pytest.mark.parametrize("plain", [None, [], "state", 7, {}])
def test_what_is_something_else_is_refused(plain: Any) -> None:
    with pytest.raises(ValueError, match="it "):
        done_from_json(plain)


def test_what_a_kill_lost_is_paid_and_told_apart() -> None:
    after = resumed(done(20), done(25))
    assert (after.steps, after.lost_steps, after.kept_steps) == (25, 5, 20)
    assert (after.lost_ns, after.kept_ns) == (5 * SECOND, 20 * SECOND)
    assert after.cost == {"USD": Decimal(27)}
    assert after.seconds == 27
    assert after.goodput == 20 / 27
    assert after.passes == 2


def test_kills_add_up() -> None:
    first = resumed(done(20), done(25))
    # Five more steps after the resume, none of them kept, then another kill: back to the same checkpoint.
    recorded = Done(
        steps=first.steps + 5,
        lost_steps=first.lost_steps,
        lost_ns=first.lost_ns,
        phases_ns={"startup": 4 * SECOND, "forward_backward": 30 * SECOND},
        cost={"USD": Decimal(34)},
    )
    second = resumed(done(20), recorded)
    assert (second.steps, second.lost_steps, second.kept_steps) == (30, 10, 20)
    assert (second.lost_ns, second.kept_ns, second.cost) == (10 * SECOND, 20 * SECOND, {"USD": Decimal(34)})


def test_without_a_record_or_with_an_older_one_the_checkpoint_counts() -> None:
    assert resumed(done(20), None) == done(20)
    assert resumed(done(20), done(19)) == done(20)


def test_a_run_that_did_nothing_has_no_goodput() -> None:
    assert Done().goodput is None
