"""A trial that cannot be the best ends after its epoch."""

from __future__ import annotations

from decimal import Decimal

import pytest
from taximeter.training.engine.state import TrainState
from taximeter.training.evaluation.result import Evaluation
from taximeter.training.tune.watching import Watching


def state(epoch: int = 1, *, epochs: int = 5, accuracy: float = 0.4) -> TrainState:
    it = TrainState(epochs=epochs, steps_per_epoch=2)
    it.begin_epoch(epoch)
    it.complete_epoch(Evaluation(loss=1.0, accuracy=accuracy))
    return it


@pytest.mark.parametrize(
    ("cost", "at_most", "pruned"),
    [
        (Decimal(4), Decimal(5), False),
        (Decimal(5), Decimal(5), True),
        (Decimal(5), None, False),
        (None, Decimal(5), False),
    ],
)
def test_what_has_cost_as_much_as_the_best_is_ended(
    cost: Decimal | None, at_most: Decimal | None, pruned: bool
) -> None:
    watching = Watching(hopeless=lambda _epoch, _accuracy: False, cost=lambda: cost, at_most=at_most)
    it = state()
    watching.epoch_end(it)
    assert (watching.pruned, it.stop) == ((True, "early") if pruned else (False, None))


def test_what_is_hopeless_is_ended() -> None:
    told: list[tuple[int, float]] = []

    def hopeless(epoch: int, accuracy: float) -> bool:
        told.append((epoch, accuracy))
        return epoch == 2

    watching = Watching(hopeless=hopeless, cost=lambda: None, at_most=None)
    pruned = []
    for it in (state(1), state(2, accuracy=0.6)):
        watching.epoch_end(it)
        pruned.append(watching.pruned)
    assert pruned == [False, True]
    assert told == [(1, 0.4), (2, 0.6)]


def test_what_is_done_or_ends_for_another_reason_was_not_pruned() -> None:
    watching = Watching(hopeless=lambda _epoch, _accuracy: True, cost=lambda: Decimal(9), at_most=Decimal(1))
    last = state(5)
    watching.epoch_end(last)
    reached = state(2)
    reached.stop = "target"
    watching.epoch_end(reached)
    assert (watching.pruned, last.stop, reached.stop) == (False, None, "target")
