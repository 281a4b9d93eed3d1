"""How much of the last five minutes a GPU was slowed down, by the counters of the reasons."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.slowdown import REASONS, WINDOW_NS, Slowdown

REASON = REASONS[0]


def ratios(counted_seconds: Iterable[float], reason: str = REASON) -> list[float | None]:
    """What is told at each second, when the counter shows this."""
    slowdown = Slowdown()
    return [
        slowdown.record({reason: round(seconds * NS_PER_SECOND)}, now * NS_PER_SECOND)
        for now, seconds in enumerate(counted_seconds)
    ]


@pytest.mark.parametrize("reason", REASONS)
def test_a_quarter_is_reached_after_75_of_300_seconds_and_left_as_it_was_reached(reason: str) -> None:
    told = ratios([*range(76), *[75] * 400], reason)
    assert told[0] == 0
    assert (told[74], told[75]) == (74 / 300, 0.25)
    assert told[300] == 0.25
    # the window may be longer by 15 seconds
    assert told[315] == pytest.approx(60 / 300)
    assert told[400] == 0


def test_it_is_the_largest_of_the_reasons_not_their_sum() -> None:
    slowdown = Slowdown()
    slowdown.record({"hw_slowdown": 0, "hw_thermal_slowdown": 0}, 0)
    told = slowdown.record({"hw_slowdown": 30 * NS_PER_SECOND, "hw_thermal_slowdown": 60 * NS_PER_SECOND}, WINDOW_NS)
    assert told == 0.2


def test_what_holds_the_clocks_down_as_it_should_does_not_count() -> None:
    slowdown = Slowdown()
    for now in range(600):
        of_power = {"sw_power_cap": now * NS_PER_SECOND, "gpu_idle": now * NS_PER_SECOND}
        assert slowdown.record(of_power, now * NS_PER_SECOND) is None


def test_what_was_counted_before_the_first_reading_is_not_of_these_minutes() -> None:
    assert ratios([1e6, 1e6 + 30]) == [0, 0.1]


def test_a_counter_that_begins_anew_with_the_driver_has_counted_what_it_shows() -> None:
    assert ratios([500, 560, 15, 15])[-1] == 75 / 300


def test_a_counter_that_is_missing_in_one_reading_goes_on() -> None:
    slowdown = Slowdown()
    slowdown.record({REASON: 0}, 0)
    assert slowdown.record({}, NS_PER_SECOND) == 0
    assert slowdown.record({REASON: 30 * NS_PER_SECOND}, 60 * NS_PER_SECOND) == 0.1


def test_after_a_silence_it_is_the_share_of_the_time_since() -> None:
    slowdown = Slowdown()
    slowdown.record({REASON: 0}, 0)
    assert slowdown.record({REASON: WINDOW_NS}, 2 * WINDOW_NS) == 0.5


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100)), min_size=1, max_size=80))
def test_it_is_what_was_counted_in_a_window_of_300_to_315_seconds(steps: list[tuple[int, int]]) -> None:
    slowdown, now, counted = Slowdown(), 0, 0
    readings = [(0, 0)]
    slowdown.record({REASON: 0}, 0)
    for seconds, percent in steps:
        now += seconds
        counted += seconds * percent * NS_PER_SECOND // 100
        readings.append((now, counted))
        told = slowdown.record({REASON: counted}, now * NS_PER_SECOND)
        # from any reading that a window may begin at: the last before it, or one of the 15 seconds before that
        last = max((at for at, _ in readings if at <= now - 300), default=0)
        begins = [(at, then) for at, then in readings if last - 15 < at <= last] or [readings[0]]
        assert told in {(counted - then) / (max(now - at, 300) * NS_PER_SECOND) for at, then in begins}
