"""Simulated GPUs: the same at the same moment, consistent in themselves, and never taken for real ones."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.manual_clock import ManualClock
from hypothesis import given
from hypothesis import strategies as st
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import DeviceKind, Reading
from taximeter_exporter.devices.simulated import SimulatedSource

DAYS_NS = st.integers(0, 30 * 24 * 3600 * NS_PER_SECOND)


def every_second(index: int, seconds: int) -> list[Reading]:
    clock = ManualClock(elapsed_ns=12_345 * NS_PER_SECOND)
    source = SimulatedSource(clock)
    device = source.devices()[index]
    readings = []
    for _ in range(seconds):
        readings.append(source.read(device))
        clock.advance(seconds=1)
    return readings


def test_every_device_says_that_it_is_simulated() -> None:
    devices = SimulatedSource(ManualClock()).devices()
    assert [device.uuid for device in devices] == [f"SIM-{index}" for index in range(8)]
    assert all(device.simulated and "simulated" in device.model for device in devices)
    assert {device.kind for device in devices} == {DeviceKind.GPU}


@given(elapsed_ns=DAYS_NS)
def test_the_same_moment_gives_the_same_reading(elapsed_ns: int) -> None:
    first, second = (SimulatedSource(ManualClock(elapsed_ns=elapsed_ns)) for _ in range(2))
    assert [first.read(device) for device in first.devices()] == [second.read(device) for device in second.devices()]


@given(elapsed_ns=DAYS_NS, count=st.integers(1, 10))
def test_a_reading_is_whole_and_possible(elapsed_ns: int, count: int) -> None:
    source = SimulatedSource(ManualClock(elapsed_ns=elapsed_ns), count=count)
    assert len(source.devices()) == count
    for device in source.devices():
        reading = source.read(device)
        assert reading.utilization_ratio is not None
        assert 0 <= reading.utilization_ratio <= 1
        assert reading.memory_used_bytes is not None
        assert reading.memory_free_bytes is not None
        assert reading.memory_reserved_bytes is not None
        memory = reading.memory_used_bytes + reading.memory_free_bytes + reading.memory_reserved_bytes
        assert memory == reading.memory_total_bytes
        assert reading.power_watts is not None
        assert reading.power_limit_watts is not None
        assert 0 < reading.power_watts <= reading.power_limit_watts
        assert reading.temperature_celsius is not None
        assert 20 < reading.temperature_celsius < 90
        assert bool(reading.processes) == (reading.utilization_ratio > 0)


@pytest.mark.parametrize("index", range(8))
def test_energy_is_the_integral_of_power(index: int) -> None:
    # power runs in straight lines between whole seconds, so the mean of two neighbours is exact
    for before, after in pairwise(every_second(index, 1000)):
        assert before.energy_joules is not None
        assert after.energy_joules is not None
        assert before.power_watts is not None
        assert after.power_watts is not None
        gained = after.energy_joules - before.energy_joules
        assert gained == pytest.approx((before.power_watts + after.power_watts) / 2, rel=1e-6)


def counters(reading: Reading) -> list[float]:
    assert reading.energy_joules is not None
    assert reading.busy_ns is not None
    return [
        reading.energy_joules,
        reading.busy_ns,
        *reading.throttle_ns.values(),
        *reading.pcie_bytes.values(),
        *reading.nvlink_bytes.values(),
        sum(reading.xid_errors.values()),
    ]


@given(earlier_ns=DAYS_NS, later_ns=DAYS_NS)
def test_what_counts_never_falls(earlier_ns: int, later_ns: int) -> None:
    earlier, later = (SimulatedSource(ManualClock(elapsed_ns=ns)) for ns in sorted((earlier_ns, later_ns)))
    for device in earlier.devices():
        pairs = zip(counters(earlier.read(device)), counters(later.read(device)), strict=True)
        assert all(before <= after for before, after in pairs)


@pytest.mark.parametrize("index", range(8))
def test_the_seconds_of_a_throttle_reason_are_those_in_which_it_was_there(index: int) -> None:
    for before, after in pairwise(every_second(index, 1000)):
        for reason, was_there in before.throttle.items():
            gained = after.throttle_ns[reason] - before.throttle_ns[reason]
            assert 0 <= gained <= NS_PER_SECOND
            if was_there == after.throttle[reason]:
                assert gained == was_there * NS_PER_SECOND


def test_most_work_with_pauses_and_the_last_is_idle() -> None:
    for index in range(8):
        ratios = [reading.utilization_ratio or 0.0 for reading in every_second(index, 1800)]
        assert 0.0 in ratios
        mean = sum(ratios) / len(ratios)
        assert (mean < 0.01) if index == 7 else (0.15 < mean < 0.9)
