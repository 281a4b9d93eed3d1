"""What is added to readings by those before them: readings are made up, and a test moves the clock."""

from __future__ import annotations

import pytest
from fakes.manual_clock import ManualClock
from taximeter_exporter.devices.reading import Device, DeviceKind, ReadError, Reading
from taximeter_exporter.devices.remembering import RememberingSource

ONE, TWO = (Device(uuid=f"GPU-{index}", kind=DeviceKind.GPU, index=index, model="H100") for index in "01")
HOUR = 3600


class Told:
    """Two devices that answer what a test says."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self.closed = False

    def devices(self) -> tuple[Device, ...]:
        return ONE, TWO

    def read(self, device: Device) -> Reading:
        if device.uuid not in self.readings:
            raise ReadError("lost")
        return self.readings[device.uuid]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(elapsed_ns=10**9)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def source(told: Told, clock: ManualClock) -> RememberingSource:
    return RememberingSource(told, clock)


def test_each_device_has_a_past_of_its_own(told: Told, source: RememberingSource, clock: ManualClock) -> None:
    busy, quiet = Reading(memory_used_bytes=60, utilization_ratio=0.5), Reading(memory_used_bytes=3)
    told.readings = {"GPU-0": busy, "GPU-1": quiet}
    assert source.read(ONE) == busy
    source.read(TWO)
    clock.advance(seconds=6 * HOUR)
    told.readings["GPU-0"] = quiet
    assert (source.read(ONE).memory_peak_bytes, source.read(TWO).memory_peak_bytes) == (60, 3)


def test_one_sample_is_enough_for_a_peak(told: Told, source: RememberingSource, clock: ManualClock) -> None:
    for second in range(10):
        told.readings["GPU-0"] = Reading(memory_used_bytes=70 if second == 4 else 5)
        source.read(ONE)
        clock.advance(seconds=1)
    clock.advance(seconds=6 * HOUR)
    assert source.read(ONE).memory_peak_bytes == 70


def test_it_is_told_how_much_heat_slowed_it_down(told: Told, source: RememberingSource, clock: ManualClock) -> None:
    told.readings["GPU-0"] = Reading(throttle_ns={"hw_thermal_slowdown": 7})
    assert source.read(ONE).slowdown_ratio == 0
    clock.advance(seconds=60)
    told.readings["GPU-0"] = Reading(throttle_ns={"hw_thermal_slowdown": 7 + 60 * 10**9})
    assert source.read(ONE).slowdown_ratio == 0.2


def test_what_cannot_be_read_keeps_its_past_for_a_day(
    told: Told, source: RememberingSource, clock: ManualClock
) -> None:
    told.readings["GPU-0"] = Reading(memory_used_bytes=60)
    source.read(ONE)
    del told.readings["GPU-0"]
    clock.advance(seconds=10 * HOUR)
    assert source.devices() == (ONE, TWO)
    with pytest.raises(ReadError, match="lost"):
        source.read(ONE)
    told.readings["GPU-0"] = Reading(memory_used_bytes=3)
    assert source.read(ONE).memory_peak_bytes == 60
    clock.advance(seconds=24 * HOUR + 1)
    source.devices()
    assert source.read(ONE).memory_peak_bytes is None


def test_a_device_that_tells_nothing_has_nothing_added(told: Told, source: RememberingSource) -> None:
    told.readings["GPU-0"] = Reading()
    assert source.read(ONE) == Reading()


def test_it_closes_what_it_reads_from(told: Told, source: RememberingSource) -> None:
    source.close()
    assert told.closed
