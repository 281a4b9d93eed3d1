"""What arrives together is answered together, in order, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import pytest
from taximeter.training.serve.batching import WAITING, Batching, Full

DEADLINE_SECONDS = 120


class Model:
    """Doubles numbers; may be held up, and fails for a negative one."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.asked.set()
        assert self.may_answer.wait(DEADLINE_SECONDS)
        self.batches.append(list(items))
        if min(items) < 0:
            raise ValueError("below 0")
        return [2 * item for item in items]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def told() -> list[int]:
    return []


@pytest.fixture
def batching(model: Model, told: list[int]) -> Iterator[Batching[int, int]]:
    started = Batching(model, most=4, wait_seconds=0.0, told=told.append)
    yield started
    model.may_answer.set()
    started.stop()


def held_up(model: Model, batching: Batching[int, int]) -> Future[int]:
    """The model works on a first item, and does not come to an end."""
    model.may_answer.clear()
    first = batching.submit(100)
    assert model.asked.wait(DEADLINE_SECONDS)
    return first


def test_what_gathers_while_the_model_works_is_one_batch(
    model: Model, batching: Batching[int, int], told: list[int]
) -> None:
    first = held_up(model, batching)
    later = [batching.submit(number) for number in range(6)]
    model.may_answer.set()
    assert [future.result(DEADLINE_SECONDS) for future in (first, *later)] == [200, 0, 2, 4, 6, 8, 10]
    assert model.batches == [[100], [0, 1, 2, 3], [4, 5]]
    assert told == [1, 4, 2]


def test_a_batch_waits_for_others_no_longer_than_said(model: Model) -> None:
    batching = Batching(model, most=3, wait_seconds=600.0, told=lambda _: None)
    waiting = [batching.submit(number) for number in (1, 2, 3)]
    assert [future.result(DEADLINE_SECONDS) for future in waiting] == [2, 4, 6], "a full batch does not wait"
    assert model.batches == [[1, 2, 3]]
    batching.stop()


def test_a_failure_is_the_batch_s_alone(model: Model, batching: Batching[int, int], told: list[int]) -> None:
    first = held_up(model, batching)
    failing = [batching.submit(number) for number in (1, -1, 2, 3)]
    good = batching.submit(5)
    model.may_answer.set()
    assert first.result(DEADLINE_SECONDS) == 200
    for future in failing:
        with pytest.raises(ValueError, match="below 0"):
            future.result(DEADLINE_SECONDS)
    assert good.result(DEADLINE_SECONDS) == 10
    assert told == [1, 1], "what failed is no prediction"


def test_more_than_can_be_answered_in_time_is_refused(model: Model, batching: Batching[int, int]) -> None:
    held_up(model, batching)
    accepted = [batching.submit(number) for number in range(WAITING * 4)]
    with pytest.raises(Full):
        batching.submit(1)
    model.may_answer.set()
    assert [future.result(DEADLINE_SECONDS) for future in accepted] == [2 * number for number in range(WAITING * 4)]


def test_who_does_not_wait_any_more_costs_nothing(model: Model, batching: Batching[int, int]) -> None:
    held_up(model, batching)
    gone, there = batching.submit(1), batching.submit(2)
    assert gone.cancel()
    model.may_answer.set()
    assert there.result(DEADLINE_SECONDS) == 4
    assert model.batches == [[100], [2]]


def test_stopping_answers_what_waits(model: Model) -> None:
    batching = Batching(model, most=2, wait_seconds=0.0, told=lambda _: None)
    first = held_up(model, batching)
    waiting = [batching.submit(number) for number in range(5)]
    model.may_answer.set()
    batching.stop()
    assert [future.result(0) for future in (first, *waiting)] == [200, 0, 2, 4, 6, 8]
