"""Steps are counted in the right buckets, and what stays on a device is read without a step waiting for it."""

from __future__ import annotations

import threading

import pytest
from support.programs import wait_for
from taximeter.tally import STEP_BOUNDS, Tally


class OnDevice:
    """A tensor on an accelerator, whose value is there only once the device has finished."""

    is_cpu = False

    def __init__(self, value: float) -> None:
        self._value = value
        self.finished = threading.Event()
        self.read_by: str | None = None

    def detach(self) -> OnDevice:
        return self

    def __float__(self) -> float:
        assert self.finished.wait(10)
        self.read_by = threading.current_thread().name
        return self._value


def test_a_duration_on_a_bound_belongs_to_its_bucket() -> None:
    tally = Tally()
    for nanoseconds in (1_000_000, 1_000_001, 60_000_000_000, 60_000_000_001):
        tally.step(nanoseconds, 2)
    counts = dict(zip((*STEP_BOUNDS, "more"), tally.read().step_counts, strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {0.001: 1, 0.0025: 1, 60.0: 1, "more": 1}
    assert (tally.read().steps, tally.read().samples, tally.read().step_ns) == (4, 8, 120_002_000_002)


def test_a_loss_on_a_device_is_read_in_the_background() -> None:
    tally = Tally()
    loss = OnDevice(0.5)
    tally.log("loss", "train", loss)  # would hang here if it read the value
    assert tally.read().loss == {}
    loss.finished.set()
    wait_for(lambda: tally.read().loss == {"train": 0.5}, "the loss was not read")
    assert loss.read_by == "taximeter-flush"
    tally.close()


def test_the_last_values_are_read_at_the_end() -> None:
    tally = Tally()
    loss = OnDevice(0.25)
    loss.finished.set()
    tally.log("loss", "train", loss)
    tally.close()
    assert tally.read().loss == {"train": 0.25}


def test_no_validation_accuracy_is_passed_over_on_the_way_to_the_best() -> None:
    tally = Tally()
    for value in (0.75, 0.5):
        accuracy = OnDevice(value)
        accuracy.finished.set()
        tally.log("accuracy", "validation", accuracy)
    tally.close()
    assert tally.read().accuracy == {"validation": 0.5}
    assert tally.read().best_accuracy == 0.75


def test_what_is_not_finite_is_no_reading() -> None:
    tally = Tally()
    tally.log("loss", "train", 1.0)
    tally.log("loss", "train", float("nan"))
    assert tally.read().loss == {}


def test_nonsense_is_said_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally()
    for _ in range(3):
        tally.log("accuracy", "train", 97.5)
        tally.log("loss", "train", "high")
    assert (tally.read().accuracy, tally.read().loss) == ({}, {})
    assert len(caplog.messages) == 2
    assert "97.5 is not from 0 to 1" in caplog.text
