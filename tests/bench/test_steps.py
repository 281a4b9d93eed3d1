"""Ranges are asked for in Grafana's steps; the figures are what its query inspector shows."""

from __future__ import annotations

import pytest
from bench.steps import Steps, steps
from grafana.queries import Resolution

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("over", "resolution", "expected"),
    [
        (HOUR, Resolution(24), Steps(5, 20)),
        (HOUR, Resolution(12, min_step="15s"), Steps(15, 60)),
        (6 * HOUR, Resolution(8), Steps(30, 35)),
        (30 * DAY, Resolution(24), Steps(1200, 1205)),
        (30 * DAY, Resolution(12), Steps(1800, 1805)),
        (30 * DAY, Resolution(10, min_step="15s"), Steps(3600, 3615)),
        (6 * HOUR, Resolution(12, most_points=100), Steps(300, 305)),
        (6 * HOUR, Resolution(12, most_points=100, min_step="10m"), Steps(600, 2400)),
        (HOUR, Resolution(12, interval="1m"), Steps(60, 65)),
    ],
)
def test_steps(over: int, resolution: Resolution, expected: Steps) -> None:
    assert steps(resolution, over=over, pixels=1920, every=5) == expected


def test_no_range_has_more_points_than_prometheus_answers_with() -> None:
    assert steps(Resolution(24, min_step="5s"), over=30 * DAY, pixels=100_000, every=5).step == 300
