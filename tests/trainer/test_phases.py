"""Time is split by phase to the nanosecond, and no moment is lost or counted twice."""

from __future__ import annotations

from fakes.ticks import Ticks
from taximeter.phases import PHASES, PhaseTimes


def test_every_moment_belongs_to_exactly_one_phase(ticks: Ticks) -> None:
    times = PhaseTimes(ticks)
    ticks.advance(2)
    times.switch("data_wait")
    ticks.advance(0.25)
    times.switch("forward_backward")
    ticks.advance(0.5)
    times.switch("data_wait")
    ticks.advance(0.125)
    assert times.read() == dict.fromkeys(PHASES, 0) | {
        "startup": 2_000_000_000,
        "data_wait": 375_000_000,
        "forward_backward": 500_000_000,
    }


def test_a_phase_shows_while_it_lasts(ticks: Ticks) -> None:
    times = PhaseTimes(ticks)
    times.switch("evaluation")
    ticks.advance(60)
    assert times.read()["evaluation"] == 60_000_000_000
    ticks.advance(1)
    assert times.read()["evaluation"] == 61_000_000_000


def test_nothing_counts_after_the_stop(ticks: Ticks) -> None:
    times = PhaseTimes(ticks)
    ticks.advance(1)
    times.stop()
    ticks.advance(1)
    times.switch("other")
    ticks.advance(1)
    assert sum(times.read().values()) == 1_000_000_000
