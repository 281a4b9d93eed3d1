"""What costs a step next to nothing: phases that a loop marks itself, and values that are asked for once a second."""

from __future__ import annotations

import pytest
from fakes.ticks import Ticks
from trainer.conftest import Build
from trainer.test_meter import key, loader, scrape


def test_a_loop_that_marks_its_phases(build: Build, ticks: Ticks) -> None:
    meter = build()
    mark, now = meter.marking()
    for _ in meter.steps(loader(ticks, 3, wait=0.25), first="transfer"):
        ticks.advance(0.5)
        mark((now(), "forward_backward"))
        ticks.advance(1)
        mark((now(), "optimizer"))
        ticks.advance(2)
    with meter.phase("checkpoint"):
        ticks.advance(4)
    bill = meter.end()
    assert {part.phase: part.seconds for part in bill.phases if part.seconds} == {
        "data_wait": 0.75,
        "transfer": 1.5,
        "forward_backward": 3.0,
        "optimizer": 6.0,
        "checkpoint": 4.0,
    }


def test_a_mark_that_is_no_phase_is_said_once(build: Build, ticks: Ticks, caplog: pytest.LogCaptureFixture) -> None:
    meter = build()
    mark, now = meter.marking()
    for _ in meter.steps([[1]] * 3):
        mark((now(), "eval"))  # type: ignore[arg-type]
        ticks.advance(1)
    bill = meter.end()
    assert {part.phase: part.seconds for part in bill.phases if part.seconds} == {"other": 3.0}
    assert caplog.text.count("no phase 'eval'") == 1


def test_what_is_told_each_second(build: Build, ticks: Ticks) -> None:
    meter = build()
    told: list[int] = []
    step = 0

    def tell() -> None:
        told.append(step)
        meter.log(loss=step, epoch=1)

    meter.each_second(tell)
    for step, _ in enumerate(meter.steps([[1]] * 10), 1):  # noqa: B007 (`tell` looks at it)
        ticks.advance(0.25)
    assert told == [1, 5, 9, 10]
    assert scrape(meter)[key("loss", split="train")] == 10
    step = 11  # in a loop of another kind
    assert meter.end().steps == 10
    assert scrape(meter)[key("loss", split="train")] == 11


def test_what_cannot_be_told_is_said_once(build: Build, caplog: pytest.LogCaptureFixture, ticks: Ticks) -> None:
    meter = build()
    meter.each_second(lambda: 1 // 0)
    for _ in meter.steps([[1]] * 3):
        ticks.advance(2)
    assert meter.end().steps == 3
    assert caplog.text.count("told each second could not be: ZeroDivisionError") == 1
