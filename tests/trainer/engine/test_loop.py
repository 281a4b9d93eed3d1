"""The loop: its order, how it stops, how it goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import taximeter
import torch
from taximeter.training.callbacks.base import EVENTS, Callback, Hooks
from taximeter.training.callbacks.early_stopping import EarlyStopping
from taximeter.training.callbacks.target_accuracy import TargetAccuracy
from taximeter.training.config.schema import OptimConfig
from taximeter.training.engine.loop import train
from taximeter.training.engine.state import StopReason, TrainState
from taximeter.training.errors import NotFinite
from taximeter.training.evaluation.result import Evaluation
from torch import Tensor, nn
from trainer.engine.tiny import Net, Recorder, Tiny, same

Make = Callable[..., Tiny]


def test_the_loop_happens_in_its_order(tiny: Make) -> None:
    recorder = Recorder()
    state = tiny(images=32).run(recorder)
    assert recorder.happened == [
        ("train_begin", 0, 0),
        *[("epoch_begin", 1, 0), ("step_end", 1, 1), ("step_end", 1, 2), ("epoch_end", 1, 2)],
        *[("epoch_begin", 2, 2), ("step_end", 2, 3), ("step_end", 2, 4), ("epoch_end", 2, 4)],
        ("train_end", 2, 4),
    ]
    assert (state.stop, state.epochs_done, state.seen) == (None, 2, 32)
    assert state.validation is not None
    assert state.best_accuracy == max(state.validation.accuracy, state.best_accuracy)


def test_a_stop_takes_hold_after_the_step(tiny: Make, meter: taximeter.Meter) -> None:
    recorder = Recorder()
    state = tiny(images=64).run(recorder, stop_after=3)
    assert state.stop == "interrupted"
    assert recorder.happened[-3:] == [("step_end", 1, 3), ("train_stop", 1, 3), ("train_end", 1, 3)]
    assert meter.end("stopped").steps == 3


@pytest.mark.parametrize("event", ["train_begin", "step_end", "epoch_end"])
def test_a_callback_may_stop_it(tiny: Make, event: str) -> None:
    class Stopping(Callback):
        pass

    def stop(_self: Callback, state: TrainState) -> None:
        state.stop = "budget"

    setattr(Stopping, event, stop)
    recorder = Recorder()
    assert tiny().run(Stopping(), recorder).stop == "budget"
    assert [*recorder.events[-3:]] == [event, "train_stop", "train_end"]


def test_the_end_is_told_also_when_the_loop_fails(tiny: Make) -> None:
    class Failing(Callback):
        def step_end(self, state: TrainState) -> None:
            state.stop = "budget"
            raise RuntimeError(f"no step {state.step}")

    recorder = Recorder()
    training = tiny()
    with pytest.raises(RuntimeError, match="no step 1"):
        training.run(Failing(), recorder)
    assert recorder.events[-2:] == ["epoch_begin", "train_end"]
    assert training.state.stop is None  # nobody takes it for a place at which to write a checkpoint


def test_events_and_hooks_are_the_same() -> None:
    assert set(EVENTS) == {name for name in vars(Callback) if not name.startswith("_")}


def test_a_hook_that_is_not_overridden_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Callback):
        pass

    hooks = Hooks([Silent()])
    monkeypatch.setattr(Callback, "step_end", lambda *_: pytest.fail("called"))
    hooks.call("step_end", TrainState(epochs=1, steps_per_epoch=1))


EVERY_PATH = OptimConfig(
    optimizer="adamw",
    learning_rate=0.01,
    ema_decay=0.9,
    clip_norm=0.5,
    warmup_epochs=1,
    label_smoothing=0.1,
)


def everything(tiny: Make, seed: int = 0) -> Tiny:
    torch.manual_seed(seed)
    return tiny(model=Net(dropout=0.3), seed=seed, micro_batch=6, epochs=3, optim=EVERY_PATH)


def test_the_same_seed_gives_the_same_weights(tiny: Make) -> None:
    first, again, other = everything(tiny), everything(tiny), everything(tiny, seed=1)
    ends = []
    for training, seed in ((first, 0), (again, 0), (other, 1)):
        torch.manual_seed(seed)
        training.run()
        ends.append(training.weights())
    assert same(ends[0], ends[1])
    assert not same(ends[0], ends[2])


@pytest.mark.parametrize("stop_after", range(1, 9))
def test_a_run_that_goes_on_ends_at_the_same_weights(tiny: Make, stop_after: int) -> None:
    """Wherever it was stopped: in an epoch, after its last step, or at the end."""
    unbroken = everything(tiny)
    torch.manual_seed(9)
    unbroken.run()
    stopped = everything(tiny)
    torch.manual_seed(9)
    stopped.run(stop_after=stop_after)
    saved = stopped.saved()
    resumed = everything(tiny, seed=5)
    recorder = Recorder()
    resumed.resume(saved)
    resumed.run(recorder)
    assert same(resumed.weights(), unbroken.weights())
    assert (resumed.state.step, resumed.state.epochs_done) == (9, 3)
    assert resumed.state.seen == unbroken.state.seen
    assert float(resumed.state.train_accuracy or 0) == float(unbroken.state.train_accuracy or 0)
    assert recorder.events.count("step_end") == 9 - stop_after


class Diverging(nn.Module):
    """Answers with NaN from a call on."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.net = Net()
        self.left = calls

    def forward(self, images: Tensor) -> Tensor:
        self.left -= 1
        logits: Tensor = self.net(images)
        return logits if self.left >= 0 else logits * float("nan")


@pytest.mark.parametrize(("calls", "step"), [(1, 2), (2, 3)])
def test_a_loss_that_is_no_number_ends_it_before_anything_is_kept(tiny: Make, calls: int, step: int) -> None:
    recorder = Recorder()
    with pytest.raises(NotFinite, match=f"epoch 1, step {step}: the loss is nan: training cannot go on"):
        tiny(model=Diverging(calls)).run(recorder)
    assert "epoch_end" not in recorder.events
    assert recorder.events[-1] == "train_end"


def test_weights_that_the_last_step_spoilt_are_found_by_the_evaluation(tiny: Make) -> None:
    recorder = Recorder()
    with pytest.raises(NotFinite, match="epoch 1: the validation loss is nan"):
        tiny(model=Diverging(3)).run(recorder)
    assert "epoch_end" not in recorder.events


def judged(accuracies: list[float], callback: Callback) -> tuple[StopReason | None, int]:
    state = TrainState(epochs=99, steps_per_epoch=1)
    for epoch, accuracy in enumerate(accuracies, 1):
        state.begin_epoch(epoch)
        state.complete_epoch(Evaluation(loss=1.0, accuracy=accuracy))
        callback.epoch_end(state)
        if state.stop is not None:
            break
    return state.stop, state.epoch


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([0.5, 0.6, 0.6, 0.5, 0.9], ("early", 4)),  # as good as the best is no better
        ([0.5, 0.4, 0.6, 0.5], (None, 4)),
        ([0.0, 0.0, 0.0], ("early", 3)),
    ],
)
def test_early_stopping(accuracies: list[float], expected: tuple[str | None, int]) -> None:
    assert judged(accuracies, EarlyStopping(2)) == expected


def test_the_target_stops_it_once_reached() -> None:
    assert judged([0.5, 0.79, 0.8, 0.9], TargetAccuracy(0.8)) == ("target", 3)
    assert judged([0.5, 0.79], TargetAccuracy(0.8)) == (None, 2)


def test_evaluation_counts_each_image_once(tiny: Make) -> None:
    training = tiny()
    state = training.run()
    model = training.parts.model.eval()
    images, labels = zip(*training.parts.validation, strict=True)
    with torch.inference_mode():
        logits = model(torch.cat(images))
    assert state.validation is not None
    assert state.validation.accuracy == (logits.argmax(1) == torch.cat(labels)).sum().item() / 20
    assert state.validation.loss == pytest.approx(nn.functional.cross_entropy(logits, torch.cat(labels)).item())


def test_a_stop_in_an_evaluation_gives_it_up_and_going_on_does_it(tiny: Make) -> None:
    unbroken = tiny()
    unbroken.run()
    stopped, recorder = tiny(), Recorder()
    asked = iter([False] * 4 + [True] * 9)  # at the beginning, after 3 steps, and then in the evaluation
    train(
        stopped.parts,
        stopped.step,
        state=stopped.state,
        meter=stopped.meter,
        callbacks=[recorder],
        should_stop=lambda: next(asked),
    )
    assert recorder.events[-3:] == ["step_end", "train_stop", "train_end"]
    assert (stopped.state.stop, stopped.state.epochs_done, stopped.state.validation) == ("interrupted", 0, None)
    resumed = tiny(seed=5)
    resumed.resume(stopped.saved())
    again = Recorder()
    resumed.run(again)
    assert again.events[:3] == ["train_begin", "epoch_begin", "epoch_end"]
    assert same(resumed.weights(), unbroken.weights())
