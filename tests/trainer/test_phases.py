"""Time is split by phase to the nanosecond, and no moment is lost or counted twice."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from fakes.ticks import Ticks
from taximeter.phases import PHASES, Block, Entered, PhaseTimes, Turn


def times(ticks: Ticks) -> tuple[PhaseTimes, list[int], list[int]]:
    samples: list[int] = []
    durations: list[int] = []
    return PhaseTimes(ticks, samples.extend, durations.extend), samples, durations


def test_every_moment_belongs_to_exactly_one_phase(ticks: Ticks) -> None:
    phases, samples, durations = times(ticks)
    ticks.advance(2)
    phases.mark(Turn.LOOP)
    ticks.advance(0.25)
    phases.mark("forward_backward")
    ticks.advance(0.5)
    with Block(phases, "optimizer"):
        ticks.advance(0.0625)
    ticks.advance(1)
    phases.mark(64)
    ticks.advance(0.125)
    assert phases.read() == dict.fromkeys(PHASES, 0) | {
        "startup": 2_000_000_000,
        "data_wait": 375_000_000,
        "forward_backward": 1_500_000_000,
        "optimizer": 62_500_000,
    }
    assert (samples, durations) == ([64], [1_812_500_000])


def test_blocks_within_blocks_and_within_themselves(ticks: Ticks) -> None:
    phases, _, _ = times(ticks)
    block = Block(phases, "evaluation")
    with block:
        ticks.advance(1)
        with Block(phases, "checkpoint"):
            ticks.advance(2)
        with block:
            ticks.advance(4)
        ticks.advance(8)
    ticks.advance(16)
    seconds = {phase: nanoseconds / 1e9 for phase, nanoseconds in phases.read().items() if nanoseconds}
    assert seconds == {"evaluation": 13, "checkpoint": 2, "startup": 16}
    assert phases.outside


def test_a_phase_that_is_marked_follows_on_the_one_before(ticks: Ticks) -> None:
    phases, samples, durations = times(ticks)
    phases.mark(Turn.LOOP)
    for _ in range(2):
        ticks.advance(1)
        phases.mark("transfer")
        ticks.advance(2)
        phases.mark("forward_backward")
        ticks.advance(4)
        with Block(phases, "compile"):
            ticks.advance(8)
            phases.mark("other")
            ticks.advance(16)
        ticks.advance(32)
        phases.mark("optimizer")
        ticks.advance(64)
        phases.mark(3)
    phases.mark("transfer")
    phases.mark(Turn.LEAVE)
    ticks.advance(128)
    seconds = {phase: nanoseconds / 1e9 for phase, nanoseconds in phases.read().items() if nanoseconds}
    assert seconds == {
        "data_wait": 2,
        "transfer": 4,
        "compile": 16,
        "forward_backward": 72,
        "optimizer": 128,
        "other": 160,
    }
    assert (samples, durations) == ([3, 3], [127_000_000_000] * 2)


@pytest.mark.parametrize("wrong", ["eval", None, ["optimizer"], 0.5])
def test_what_is_no_phase_counts_as_other_and_is_told(ticks: Ticks, wrong: Any) -> None:
    told: list[object] = []
    phases = PhaseTimes(ticks, on_unknown=told.append)
    phases.mark(Turn.LOOP)
    phases.mark(wrong)
    ticks.advance(1)
    assert phases.read()["other"] == 1_000_000_000
    assert told == [wrong]


def test_marks_set_off_no_garbage_collection() -> None:
    phases = PhaseTimes()
    gc.collect()
    gc.freeze()
    try:
        before = gc.get_count()[0]
        for _ in range(500):
            phases.mark("optimizer")
        assert gc.get_count()[0] - before < 50
    finally:
        gc.unfreeze()


def test_a_loop_within_an_evaluation_leaves_it_as_it_was(ticks: Ticks) -> None:
    phases, _, _ = times(ticks)
    phases.mark(Turn.LOOP)
    with Block(phases, "evaluation"):
        phases.mark(Turn.LOOP)
        ticks.advance(1)
        phases.mark(Turn.LEAVE)
        ticks.advance(2)
    ticks.advance(4)
    assert phases.read() == dict.fromkeys(PHASES, 0) | {"data_wait": 5_000_000_000, "evaluation": 2_000_000_000}
    assert not phases.outside


def test_a_phase_shows_while_it_lasts(ticks: Ticks) -> None:
    phases, _, _ = times(ticks)
    phases.mark(Entered("evaluation"))
    ticks.advance(60)
    assert phases.read()["evaluation"] == 60_000_000_000
    ticks.advance(1)
    assert phases.read()["evaluation"] == 61_000_000_000


def test_nothing_counts_after_the_stop(ticks: Ticks) -> None:
    phases, samples, _ = times(ticks)
    ticks.advance(1)
    phases.stop()
    ticks.advance(1)
    phases.mark("other")
    phases.mark(64)
    ticks.advance(1)
    assert sum(phases.read().values()) == 1_000_000_000
    assert samples == []
    assert phases.marks == []


def test_a_reader_between_the_clock_and_the_mark_is_not_contradicted(ticks: Ticks) -> None:
    phases, _, _ = times(ticks)
    phases.mark(Entered("evaluation"))
    ticks.advance(1)
    moment = phases.clock()
    ticks.advance(0.5)  # the loop's thread is not let on
    shown = phases.read()["evaluation"]
    phases.put((moment, "checkpoint"))
    assert phases.read()["evaluation"] == shown
    ticks.advance(2)
    assert phases.read()["checkpoint"] == 2_500_000_000
