"""When checkpoints are written, and what happens when they cannot be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import taximeter
from fakes.ticks import Ticks
from prometheus_client import generate_latest
from support.checkpoints import header
from taximeter.metric_table import CHECKPOINT_FAILURES
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.checkpointing import Checkpointing
from taximeter.training.checkpoint.contents import restore
from taximeter.training.checkpoint.file import load, read
from taximeter.training.checkpoint.folder import CheckpointFolder
from taximeter.training.checkpoint.random_state import RandomState
from taximeter.training.engine.state import TrainState
from taximeter.training.errors import NotFinite
from trainer.engine.test_loop import Diverging
from trainer.engine.tiny import Tiny, same

Make = Callable[..., Tiny]


class Passing(Callback):
    """Each step takes a second."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks

    def step_end(self, _state: TrainState) -> None:
        self._ticks.advance(1)


def checkpointing(
    tiny: Tiny, path: Path, ticks: Ticks, *, every: Literal["epoch"] | float = "epoch", keep: int = 9
) -> Checkpointing:
    return Checkpointing(
        tiny.meter,
        ranks=tiny.parts.ranks,
        folder=CheckpointFolder(path),
        parts=parts_of(tiny),
        about=header(),
        every=every,
        keep=keep,
        clock=lambda: ticks() / 1e9,
    )


def parts_of(tiny: Tiny) -> dict[str, Any]:
    return {**tiny.parts.stateful(), "state": tiny.state, "random": RandomState(), "meter": tiny.meter}


def written(path: Path) -> list[tuple[int, int]]:
    """Step, and epochs done, of each checkpoint, the oldest first."""
    headers = [read(each) for each in CheckpointFolder(path).checkpoints()]
    return [(header.step, header.epoch) for header in reversed(headers)]


def test_one_at_the_end_of_each_epoch(tiny: Make, tmp_path: Path, ticks: Ticks) -> None:
    training = tiny(epochs=3)
    training.run(checkpointing(training, tmp_path, ticks))
    assert written(tmp_path) == [(3, 1), (6, 2), (9, 3)]
    last = read(tmp_path / "last.pt")
    assert (last.run, last.step, last.stop, last.accuracy) == ("r", 9, None, training.state.best_accuracy)
    assert read(tmp_path / "best.pt").epoch == training.state.best_epoch


def test_one_every_so_many_seconds_and_at_each_best_accuracy(tiny: Make, tmp_path: Path, ticks: Ticks) -> None:
    """Epochs of 6 steps of a second: after 4 s, and from the end of the best epoch after 4 s again."""
    training = tiny(images=96, epochs=2)
    training.run(Passing(ticks), checkpointing(training, tmp_path, ticks, every=4.0))
    best = training.state.best_epoch
    assert written(tmp_path) == ([(4, 0), (6, 1), (10, 1), (12, 2)] if best == 2 else [(4, 0), (6, 1), (10, 1)])
    assert read(tmp_path / "best.pt").epoch == best


@pytest.mark.parametrize(("stop_after", "expected"), [(2, [(2, 0)]), (3, [(3, 0)]), (5, [(3, 1), (5, 1)])])
def test_one_where_it_is_stopped(
    tiny: Make, tmp_path: Path, ticks: Ticks, stop_after: int, expected: list[tuple[int, int]]
) -> None:
    training = tiny(epochs=3)
    training.run(checkpointing(training, tmp_path, ticks), stop_after=stop_after)
    assert written(tmp_path) == expected
    assert read(tmp_path / "last.pt").stop == "interrupted"


def test_none_twice_at_the_same_place(tiny: Make, tmp_path: Path, ticks: Ticks) -> None:
    class StopAtTheEnd(Callback):
        def epoch_end(self, state: TrainState) -> None:
            state.stop = "early"

    training = tiny(epochs=3)
    training.run(StopAtTheEnd(), checkpointing(training, tmp_path, ticks))
    assert written(tmp_path) == [(3, 1)]
    assert read(tmp_path / "last.pt").stop == "early"


@pytest.mark.parametrize("stop_after", [2, 3, 5])
def test_a_run_that_goes_on_from_the_file_ends_at_the_same_weights(
    tiny: Make, tmp_path: Path, ticks: Ticks, stop_after: int
) -> None:
    unbroken = tiny(epochs=3)
    unbroken.run()
    stopped = tiny(epochs=3)
    stopped.run(checkpointing(stopped, tmp_path, ticks), stop_after=stop_after)
    resumed = tiny(epochs=3, seed=5)
    path = tmp_path / "last.pt"
    restore(path, load(path), parts_of(resumed))
    state = resumed.run(checkpointing(resumed, tmp_path, ticks))
    assert (state.step, state.epochs_done) == (9, 3)
    assert same(resumed.weights(), unbroken.weights())


def test_its_time_is_the_phase_checkpoint(tiny: Make, tmp_path: Path, ticks: Ticks) -> None:
    training = tiny(epochs=2)

    class Slow:
        def state_dict(self) -> dict[str, int]:
            ticks.advance(3)
            return {}

        def load_state_dict(self, state: Any) -> None:
            """Nothing."""

    saving = checkpointing(training, tmp_path, ticks)
    assert 0.1 < saving.expected_seconds() < 0.2
    saving._parts = {**saving._parts, "slow": Slow()}
    told: list[float] = []
    saving.tell(told.append)
    training.run(saving)
    bill = training.meter.end()
    assert told == [3, 3]
    assert {part.phase: part.seconds for part in bill.phases}["checkpoint"] == 6
    assert saving.expected_seconds() == 3


def test_a_full_disk_is_counted_and_said_and_the_training_goes_on(
    tiny: Make,
    meter: taximeter.Meter,
    tmp_path: Path,
    ticks: Ticks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Full in the second epoch, and again free in the third. tests/…/test_command.py has a disk that is really full."""
    full = iter([False, True, False])
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_file() and next(full):
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    training = tiny(epochs=3)
    saving = checkpointing(training, tmp_path, ticks)
    state = training.run(saving)
    assert (state.epochs_done, state.stop, saving.failures) == (3, None, 1)
    assert written(tmp_path) == [(3, 1), (9, 3)]
    assert caplog.messages == [
        "the checkpoint of step 6 could not be written (No space left on device; 1 so far): training goes on, "
        f"the last one is {tmp_path}/000001-step-3.pt"
    ]
    assert f'{CHECKPOINT_FAILURES}{{rank="0",run="r"}} 1.0' in generate_latest(meter.registry).decode()


def test_weights_that_are_no_numbers_are_not_kept(tiny: Make, tmp_path: Path, ticks: Ticks) -> None:
    training = tiny(model=Diverging(4), epochs=3)
    with pytest.raises(NotFinite):
        training.run(Passing(ticks), checkpointing(training, tmp_path, ticks, every=1.0))
    assert max(step for step, _ in written(tmp_path)) <= 4
