"""Where a GPU works behind the program's back, its time is told by events, and nobody waits for them."""

from __future__ import annotations

import pytest
from fakes.gpu import Gpu
from fakes.ticks import Ticks
from taximeter.device_phases import DevicePhases
from taximeter.phases import Block, Entered, PhaseTimes, Turn


class Run:
    """A program that gives a GPU steps to do, each call taking it a millisecond."""

    def __init__(self, ticks: Ticks) -> None:
        self.ticks = ticks
        self.gpu = Gpu(ticks)
        self.samples: list[int] = []
        self.durations: list[int] = []
        host = PhaseTimes(ticks, self.samples.extend, self.durations.extend)
        ticks.advance(1)
        self.phases = DevicePhases(host, self.gpu.event)

    def step(self, *, wait: float = 0, forward: float = 0.05, optimizer: float = 0.01) -> None:
        self.ticks.advance(wait)
        self.phases.mark("forward_backward")
        self.gpu.work(forward)
        self.ticks.advance(0.001)
        with Block(self.phases, "optimizer"):
            self.gpu.work(optimizer)
            self.ticks.advance(0.001)
        self.phases.mark(64)

    def seconds(self) -> dict[str, float]:
        return {phase: round(ns / 1e9, 6) for phase, ns in self.phases.read().items() if ns}


@pytest.fixture
def run(ticks: Ticks) -> Run:
    return Run(ticks)


def test_the_work_of_the_gpu_counts_and_not_the_calls(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    for _ in range(100):
        run.step()
    assert run.gpu.waits == 0
    assert sum(run.samples) == 6400  # at once
    run.phases.mark(Turn.LEAVE)
    run.phases.stop()
    assert run.seconds() == {"startup": 1, "forward_backward": 5, "optimizer": 1}
    assert run.durations == [60_000_000] * 100
    assert sum(run.phases.read().values()) == run.ticks() - 1_000_000_000_000


def test_a_wait_for_data_counts_only_where_the_gpu_waits_too(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    run.step()
    run.step(wait=0.050)  # of which the GPU is busy for 50 ms
    run.step(wait=0.100)  # and here for about 10
    run.phases.mark(Turn.LEAVE)
    run.phases.stop()
    counted = run.seconds()
    # The third batch came at 0.156 s, when the GPU had been done since 0.120 s.
    assert (counted["data_wait"], counted["forward_backward"], counted["optimizer"]) == (0.034, 0.15, 0.03)
    assert run.durations == [60_000_000, 60_000_000, 94_000_000]


def test_counters_never_go_back_and_a_phase_shows_while_it_lasts(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    before = run.phases.read()
    for number in range(200):
        run.step(wait=0.09 if number % 7 == 0 else 0)
        now = run.phases.read()
        assert all(now[phase] >= before[phase] for phase in now)
        before = now
    with Block(run.phases, "evaluation"):
        run.gpu.wait_until(run.gpu.busy_until)
        before = run.phases.read()
        run.ticks.advance(60)
        assert run.phases.read()["evaluation"] - before["evaluation"] == 60_000_000_000


def test_events_are_used_again(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    for _ in range(1000):
        run.step()
        run.ticks.advance(0.058)
    assert run.gpu.made < 20


def test_a_reader_asks_the_gpu_for_nothing(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    run.step()
    looks = run.gpu.looks
    run.ticks.advance(1)
    run.phases.read()
    assert run.gpu.looks == looks


@pytest.mark.parametrize("speed", [0.999, 1.001])
def test_a_clock_that_is_not_quite_right_does_not_add_up(run: Run, speed: float) -> None:
    run.gpu.clock_runs = speed
    run.phases.mark(Turn.LOOP)
    for _ in range(5000):
        run.step()
        run.ticks.advance(0.058)  # the GPU is done with each step just as the next begins
    total = sum(run.phases.read().values())
    passed = run.ticks() - 1_000_000_000_000
    # A fast clock's own times are kept, as no counter goes back; a slow one is caught up with, if a little late.
    assert total - passed == pytest.approx(0.3e9 if speed > 1 else -0.1e9, abs=0.1e9)
    if speed > 1:
        assert set(run.durations) == {60_060_000}, "what a step took is the GPU's word"
    # What is going on is not hidden by the difference, however long it added up.
    run.phases.mark(Entered("checkpoint"))
    run.ticks.advance(10)
    run.phases.mark(Turn.LEAVE)
    run.phases.mark(Turn.LEAVE)
    run.ticks.advance(1)
    assert run.seconds()["checkpoint"] == pytest.approx(10, abs=0.1)


def test_a_gpu_that_fails_is_said_and_time_goes_on(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run.phases.mark(Turn.LOOP)
    run.step()
    run.ticks.advance(1)
    run.gpu.broken = True
    run.step()
    run.ticks.advance(2)
    run.step()
    run.phases.mark(Turn.LEAVE)
    run.phases.stop()
    assert [message for message in caplog.messages if "illegal memory access" in message] == caplog.messages
    assert len(caplog.messages) == 1
    assert sum(run.samples) == 3 * 64
    assert sum(run.phases.read().values()) == run.ticks() - 1_000_000_000_000


def test_what_the_gpu_has_not_come_to_is_nobodys_yet(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    for _ in range(10):
        run.step()
    assert run.gpu.busy_until - run.ticks() > 0.5e9
    assert run.seconds().get("data_wait", 0) == 0  # where the program is, and the GPU is not


def test_what_was_shown_too_early_is_not_taken_back(run: Run) -> None:
    run.phases.mark(Turn.LOOP)
    run.step(forward=1)
    with Block(run.phases, "evaluation"):
        run.ticks.advance(0.25)
        assert run.seconds()["evaluation"] == 0.25
    run.gpu.wait_until(run.gpu.busy_until)
    run.phases.mark(Turn.LEAVE)  # the GPU went through the evaluation in no time
    assert run.seconds()["evaluation"] == 0.25
