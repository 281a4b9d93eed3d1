"""Steps are counted in the right buckets, and what stays on a device is read without a step waiting for it."""

from __future__ import annotations

import types
from typing import Any

import pytest
from fakes.gpu import Gpu
from fakes.ticks import Ticks
from taximeter import tally as module
from taximeter.tally import STEP_BOUNDS, Tally


class OnDevice:
    """A tensor on a GPU; its copy holds the value once the GPU has come so far."""

    is_cpu = False
    device = types.SimpleNamespace(type="fake")

    def __init__(self, gpu: Gpu, value: float) -> None:
        self._gpu = gpu
        self._value = value

    def detach(self) -> OnDevice:
        return self

    def to(self, device: str, *, non_blocking: bool) -> OnHost:
        assert (device, non_blocking) == ("cpu", True)
        self._gpu.check()
        return OnHost(self._gpu, self._value, there_at=self._gpu.busy_until)

    def item(self) -> float:
        self._gpu.wait_until(self._gpu.busy_until)
        return self._value


class OnHost:
    """A copy that is on its way."""

    is_cpu = True

    def __init__(self, gpu: Gpu, value: float, *, there_at: int) -> None:
        self._gpu = gpu
        self._value = value
        self._there_at = there_at

    def item(self) -> float:
        assert self._gpu.now() >= self._there_at, "read before it was there"
        return self._value


@pytest.fixture
def gpu(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    gpu = Gpu(ticks)

    def event_on(device: Any) -> Any:
        assert device is OnDevice.device
        return gpu.event()

    monkeypatch.setattr(module, "event_on", event_on)
    return gpu


def test_a_duration_on_a_bound_belongs_to_its_bucket() -> None:
    tally = Tally()
    for nanoseconds in (1_000_000, 1_000_001, 60_000_000_000, 60_000_000_001):
        tally.count_steps([2])
        tally.count_step_times([nanoseconds])
    counts = dict(zip((*STEP_BOUNDS, "more"), tally.read().step_counts, strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {0.001: 1, 0.0025: 1, 60.0: 1, "more": 1}
    assert (tally.read().steps, tally.read().samples, tally.read().step_ns) == (4, 8, 120_002_000_002)


def test_a_loss_on_a_device_is_read_when_it_has_come(gpu: Gpu, ticks: Ticks) -> None:
    tally = Tally()
    gpu.work(5)
    tally.latest["loss"] = OnDevice(gpu, 0.5)
    tally.tend()
    assert tally.read().loss == {}
    ticks.advance(1)
    tally.tend()
    assert tally.read().loss == {}
    ticks.advance(4)
    tally.latest["loss"] = OnDevice(gpu, 0.25)
    tally.tend()
    assert tally.read().loss == {"train": 0.5}
    tally.tend()
    assert tally.read().loss == {"train": 0.25}
    assert gpu.waits == 0


def test_a_value_that_stays_is_asked_for_once(gpu: Gpu) -> None:
    tally = Tally()
    tally.latest["loss"] = OnDevice(gpu, 0.5)
    for _ in range(5):
        tally.tend()
    assert gpu.made == 1


def test_the_last_values_are_read_at_the_end(gpu: Gpu) -> None:
    tally = Tally()
    gpu.work(5)
    tally.latest |= {"loss": OnDevice(gpu, 0.25), "learning_rate": 0.1}
    tally.close()
    assert (tally.read().loss, tally.read().learning_rate) == ({"train": 0.25}, 0.1)


def test_what_is_logged_after_the_end_does_not_count() -> None:
    tally = Tally()
    tally.close()
    tally.latest["loss"] = 1.0
    tally.log_validation("validation accuracy", 1.0)
    tally.count_steps([1])
    tally.count_step_times([1])
    assert (tally.read().accuracy, tally.read().steps, tally.read().step_ns) == ({}, 0, 0)


def test_no_validation_accuracy_is_passed_over_on_the_way_to_the_best(gpu: Gpu) -> None:
    tally = Tally()
    gpu.work(1)
    read: list[float] = []
    for value in (0.75, 0.5):
        tally.log_validation("validation accuracy", OnDevice(gpu, value), read.append)
    tally.close()
    assert tally.read().accuracy == {"validation": 0.5}
    assert tally.read().best_accuracy == 0.75
    assert read == [0.75, 0.5]


def test_a_later_number_is_not_overtaken_by_one_on_its_way(gpu: Gpu) -> None:
    tally = Tally()
    gpu.work(1)
    tally.log_validation("validation accuracy", OnDevice(gpu, 0.75))
    tally.log_validation("validation accuracy", 0.5)
    tally.tend()
    assert (tally.read().accuracy, tally.read().best_accuracy) == ({"validation": 0.5}, 0.75)


def test_a_device_that_fails_is_said_once(gpu: Gpu, caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally()
    tally.latest["loss"] = OnDevice(gpu, 0.5)
    tally.tend()
    gpu.broken = True
    for value in (0.4, 0.3):
        tally.latest["loss"] = OnDevice(gpu, value)
        tally.tend()
    assert caplog.messages == [
        "loss is not what it should be, and is left out: CUDA error: an illegal memory access was encountered"
    ]


def test_what_is_not_finite_is_no_reading() -> None:
    tally = Tally()
    tally.latest["loss"] = 1.0
    assert tally.read().loss == {"train": 1.0}
    tally.latest["loss"] = float("nan")
    assert tally.read().loss == {}


def test_steps_are_counted_while_the_loss_is_not_finite() -> None:
    tally = Tally()

    def without_loss(loss: object) -> int | None:
        tally.count_steps([1])
        tally.latest["loss"] = loss
        return tally.read().steps_without_loss

    # What is no number at all is a mistake in the loop, and says nothing of the loss.
    losses = [1.0, float("nan"), float("inf"), "high", float("nan"), 2.0, float("nan")]
    assert [without_loss(loss) for loss in losses] == [None, 0, 1, 2, 3, None, 0]
    tally.log_validation("validation loss", 1.0)
    assert tally.read().steps_without_loss == 0


def test_a_loss_that_was_never_told_is_not_missing() -> None:
    tally = Tally()
    tally.count_steps([1])
    tally.log_validation("validation loss", float("nan"))
    assert tally.read().steps_without_loss is None


def test_nonsense_is_said_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally()
    for number in range(3):
        tally.latest |= {"accuracy": 97.5 + number, "loss": "high", "gradient_norm": -1, "epoch": None}
        tally.log_validation("validation accuracy", -1)
        reported = tally.read()
        assert (reported.accuracy, reported.loss, reported.gradient_norm, reported.epoch) == ({}, {}, None, None)
        assert reported.steps_without_loss is None
    assert len(caplog.messages) == 5
    assert "97.5 is not from 0 to 1" in caplog.text
