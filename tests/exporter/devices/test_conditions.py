"""What is wrong with a GPU: each condition where it begins, just below, and of what was not read nothing."""

from __future__ import annotations

from typing import Any

import pytest
from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.devices.conditions import Condition, conditions
from taximeter_exporter.devices.reading import Device, DeviceKind, Past, Reading, Sample, Standing

GPU = Device(uuid="GPU-0", kind=DeviceKind.GPU, index="0", model="H100")
SIX_HOURS = 6 * NS_PER_HOUR
OLDER = {"temperature_thresholds_celsius": {"slowdown": 90, "memory_max": 95, "gpu_max": 80}}
NEWER = {"temperature_margin_limits_celsius": {"slowdown": -2, "shutdown": -5, "gpu_max": 9}}


def held(reading: Reading | None, active_ns: int = 0, **past: Any) -> set[str]:
    """The conditions of a GPU that answered this, or nothing."""
    return set(conditions(Sample(device=GPU, reading=reading, past=Past(**past)), active_ns=active_ns))


def read(standing: dict[str, Any] | None = None, **quantities: Any) -> Reading:
    return Reading(standing=Standing(**(standing or {})), **quantities)


@pytest.mark.parametrize(
    ("reading", "condition"),
    [
        (None, Condition.DOWN),
        (read(OLDER, temperature_celsius=90), Condition.HOT),
        (read(OLDER, memory_temperature_celsius=95, temperature_celsius=30), Condition.HOT),
        (read(NEWER, temperature_margin_celsius=-2), Condition.HOT),
        (read({"row_remap_failed": True}), Condition.ROW_REMAP_FAILED),
        (read({"remapped_rows_pending": True, "retired_pages_pending": False}), Condition.REPAIR_PENDING),
        (read({"retired_pages_pending": True}), Condition.REPAIR_PENDING),
    ],
)
def test_it_holds(reading: Reading | None, condition: Condition) -> None:
    assert held(reading, SIX_HOURS) == {condition}


@pytest.mark.parametrize(
    "reading",
    [
        read(OLDER, temperature_celsius=89.9, memory_temperature_celsius=94.9, temperature_margin_celsius=-9),
        read(NEWER, temperature_margin_celsius=-1, temperature_celsius=200, memory_temperature_celsius=200),
        read({"row_remap_failed": False, "remapped_rows_pending": False, "retired_pages_pending": False}),
        read(temperature_celsius=200, temperature_margin_celsius=-9),
        Reading(),
    ],
)
def test_just_below_and_of_what_is_not_known_nothing_holds(reading: Reading) -> None:
    assert held(reading, SIX_HOURS) == set()


@pytest.mark.parametrize(("ratio", "slowed_down"), [(None, False), (0.25, False), (0.2501, True)])
def test_more_than_a_quarter_of_the_last_minutes_is_slowed_down(ratio: float | None, slowed_down: bool) -> None:
    assert held(Reading(), slowdown_ratio=ratio) == ({"slowed_down"} if slowed_down else set())


@pytest.mark.parametrize(
    ("peak", "total", "active_ns", "unused"),
    [
        (19, 80, SIX_HOURS, True),
        (0, 80, SIX_HOURS, True),
        (20, 80, SIX_HOURS, False),
        (19, 80, SIX_HOURS - 1, False),
        (None, 80, SIX_HOURS, False),
        (19, None, SIX_HOURS, False),
    ],
)
def test_memory_is_left_unused_by_runs_that_had_the_gpu_for_six_hours(
    peak: int | None, total: int | None, active_ns: int, unused: bool
) -> None:
    reading = read(memory_total_bytes=total)
    assert held(reading, active_ns, memory_peak_bytes=peak) == ({"memory_unused"} if unused else set())


def test_several_hold_at_once() -> None:
    reading = read(OLDER | {"row_remap_failed": True}, temperature_celsius=91)
    assert held(reading, slowdown_ratio=1.0) == {"hot", "slowed_down", "row_remap_failed"}


def test_a_gpu_that_cannot_be_read_is_down_and_no_more_whatever_was_read_before() -> None:
    assert held(None, SIX_HOURS, slowdown_ratio=1.0, memory_peak_bytes=0) == {"down"}
