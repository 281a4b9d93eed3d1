"""Busy or idle, from a reading."""

from __future__ import annotations

import pytest
from taximeter_exporter.devices.busy import busy
from taximeter_exporter.devices.reading import Process, Reading


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading(utilization_ratio=0.05), True),
        (Reading(utilization_ratio=0.0499), False),
        (Reading(utilization_ratio=0.0, processes=(Process(pid=1),)), False),
        (Reading(utilization_ratio=1.0, processes=()), True),
        (Reading(processes=(Process(pid=1),)), True),
        (Reading(processes=()), False),
        (Reading(power_watts=600.0), None),
        # a MIG instance, on which a notebook waits or a training works
        (Reading(activity_ratios={"gpu_graphics_activity_ratio": 0.01}, processes=(Process(pid=1),)), False),
        (Reading(activity_ratios={"gpu_graphics_activity_ratio": 0.7}, processes=(Process(pid=1),)), True),
        (Reading(activity_ratios={"gpu_sm_activity_ratio": 0.0}, processes=(Process(pid=1),)), True),
        # NVML's own figure comes first
        (Reading(utilization_ratio=0.9, activity_ratios={"gpu_graphics_activity_ratio": 0.0}), True),
    ],
)
def test_busy(reading: Reading, expected: bool | None) -> None:
    assert busy(reading) is expected
