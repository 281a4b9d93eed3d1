"""What is wrong with a GPU: each condition where it begins, just below, and of what was not read nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.devices.conditions import Condition, conditions
from taximeter_exporter.devices.reading import Device, DeviceKind, Reading, Sample, Standing

GPU = Device(uuid="GPU-0", kind=DeviceKind.GPU, index="0", model="H100")
SIX_HOURS = 6 * NS_PER_HOUR
OLDER = {"temperature_thresholds_celsius": {"slowdown": 90, "memory_max": 95, "gpu_max": 80}}
NEWER = {"temperature_margin_limits_celsius": {"slowdown": -2, "shutdown": -5, "gpu_max": 9}}


def held(reading: Reading | None, active_ns: int = 0) -> set[str]:
    """The conditions of a GPU that answered this, or nothing."""
    return set(conditions(Sample(device=GPU, reading=reading), active_ns=active_ns))


def read(standing: dict[str, Any] | None = None, **quantities: Any) -> Reading:
    return replace(Reading(**quantities), standing=Standing(**(standing or {})))


@pytest.mark.parametrize(
    ("reading", "condition"),
    [
        (None, Condition.DOWN),
        (read(OLDER, temperature_celsius=90), Condition.HOT),
        (read(OLDER, memory_temperature_celsius=95, temperature_celsius=30), Condition.HOT),
        (read(NEWER, temperature_margin_celsius=-2), Condition.HOT),
        (read(slowdown_ratio=0.2501), Condition.SLOWED_DOWN),
        (read({"row_remap_failed": True}), Condition.ROW_REMAP_FAILED),
        (read({"remapped_rows_pending": True, "retired_pages_pending": False}), Condition.REPAIR_PENDING),
        (read({"retired_pages_pending": True}), Condition.REPAIR_PENDING),
        (read(memory_peak_bytes=19, memory_total_bytes=80), Condition.MEMORY_UNUSED),
    ],
)
def test_it_holds(reading: Reading | None, condition: Condition) -> None:
    assert held(reading, SIX_HOURS) == {condition}


@pytest.mark.parametrize(
    "reading",
    [
        read(OLDER, temperature_celsius=89.9, memory_temperature_celsius=94.9, temperature_margin_celsius=-9),
        read(NEWER, temperature_margin_celsius=-1, temperature_celsius=200, memory_temperature_celsius=200),
        read(slowdown_ratio=0.25),
        read({"row_remap_failed": False, "remapped_rows_pending": False, "retired_pages_pending": False}),
        read(memory_peak_bytes=20, memory_total_bytes=80),
        read(memory_peak_bytes=None, memory_total_bytes=80),
        read(memory_peak_bytes=19, memory_total_bytes=None),
        read(temperature_celsius=200, temperature_margin_celsius=-9),
        Reading(),
    ],
)
def test_just_below_and_of_what_is_not_known_nothing_holds(reading: Reading) -> None:
    assert held(reading, SIX_HOURS) == set()


def test_memory_is_left_unused_only_by_runs_that_had_the_gpu_for_six_hours() -> None:
    reading = read(memory_peak_bytes=0, memory_total_bytes=80)
    assert held(reading, SIX_HOURS - 1) == set()
    assert held(reading, SIX_HOURS) == {"memory_unused"}


def test_several_hold_at_once() -> None:
    reading = read(OLDER | {"row_remap_failed": True}, temperature_celsius=91, slowdown_ratio=1.0)
    assert held(reading) == {"hot", "slowed_down", "row_remap_failed"}


def test_a_gpu_that_cannot_be_read_is_down_and_no_more_whatever_was_read_before() -> None:
    sample = Sample(device=GPU, reading=None, error="lost", xid_errors={79: 1})
    assert list(conditions(sample, active_ns=SIX_HOURS)) == ["down"]
