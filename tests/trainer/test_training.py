"""The trainer's parts: data, augmentation, model, loop, callbacks."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import taximeter
import torch
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from taximeter.training.augment import RandomAffine
from taximeter.training.callbacks.base import EVENTS, Callback, Hooks
from taximeter.training.callbacks.metering import Metering
from taximeter.training.callbacks.progress import Progress
from taximeter.training.config import DIGITS, ConfigError, TrainConfig
from taximeter.training.data import Batches, Images, load
from taximeter.training.evaluate import evaluate
from taximeter.training.loop import train
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.state import TrainState
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two would wait for each other where the tests share the processors with something else."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images]:
    return load(seed=0)


@pytest.fixture
def meter(exporter: FakeExporter, ticks: Ticks) -> Iterator[taximeter.Meter]:
    meter = taximeter.Meter("vision", run="r", exporter=exporter.url, listen="127.0.0.1:0", clock=ticks)
    meter.wait_registered(10)
    yield meter
    meter.close(last_scrape_seconds=0)


def some(images: Images, count: int) -> Images:
    return Images(images.images[:count], images.labels[:count])


def fit(
    data: Images,
    meter: taximeter.Meter,
    *callbacks: Callback,
    seed: int = 0,
    epochs: int = 2,
    stop_after: int | None = None,
) -> tuple[TrainState, nn.Module]:
    """Train a tiny model on 16 images a step."""
    torch.manual_seed(seed)
    model = SmallResNet(channels=1, classes=10, width=2)
    batches = Batches(data, 16, RandomAffine(), torch.Generator().manual_seed(seed))
    optimizer = SGD(model.parameters(), lr=0.1)
    steps = 0

    def should_stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == stop_after

    state = train(
        model=model,
        optimizer=optimizer,
        schedule=CosineAnnealingLR(optimizer, T_max=epochs * len(batches)),
        batches=batches,
        validation=data,
        epochs=epochs,
        meter=meter,
        callbacks=callbacks,
        should_stop=should_stop,
    )
    return state, model


class Recorder(Callback):
    """Writes down what happens."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, int, int]] = []

    def _note(self, event: str, state: TrainState) -> None:
        self.happened.append((event, state.epoch, state.step))

    def train_begin(self, state: TrainState) -> None:
        self._note("train_begin", state)

    def epoch_begin(self, state: TrainState) -> None:
        self._note("epoch_begin", state)

    def step_end(self, state: TrainState) -> None:
        self._note("step_end", state)

    def epoch_end(self, state: TrainState) -> None:
        self._note("epoch_end", state)

    def train_end(self, state: TrainState) -> None:
        self._note("train_end", state)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_data_is_what_is_said_of_it_before_it_is_loaded(digits: tuple[Images, Images]) -> None:
    train_split, validation = digits
    assert (len(train_split), len(validation)) == (DIGITS.training_images(0.2), 360)
    assert train_split.images.shape == (1437, 1, 32, 32)
    assert train_split.images.mean().item() == pytest.approx(0, abs=1e-4)
    assert train_split.images.std().item() == pytest.approx(1, abs=1e-4)
    first, second = (torch.bincount(split.labels, minlength=DIGITS.classes) / len(split) for split in digits)
    assert torch.allclose(first, second, atol=0.005)  # every class has the same share of both


def test_the_seed_settles_the_split(digits: tuple[Images, Images]) -> None:
    assert torch.equal(load(seed=0)[1].labels, digits[1].labels)
    assert not torch.equal(load(seed=1)[1].labels, digits[1].labels)


def test_augmentation_moves_each_image_in_its_own_way(digits: tuple[Images, Images]) -> None:
    same = digits[0].images[:1].expand(4, -1, -1, -1)
    moved = RandomAffine()(same, torch.Generator().manual_seed(0))
    assert moved.shape == same.shape
    assert all(not torch.allclose(moved[0], moved[other], atol=0.1) for other in (1, 2, 3))
    assert torch.equal(moved, RandomAffine()(same, torch.Generator().manual_seed(0)))


def test_augmentation_by_nothing_changes_nothing(digits: tuple[Images, Images]) -> None:
    images = digits[0].images[:4]
    still = RandomAffine(degrees=0, scale=0, shear=0, translate=0)(images, torch.Generator())
    assert torch.allclose(still, images, atol=1e-4)


def test_augmentation_shifts_by_a_share_of_the_image() -> None:
    image = torch.zeros(64, 1, 32, 32)
    image[:, :, 16, 16] = 1
    moved = RandomAffine(degrees=0, scale=0, shear=0, translate=0.125)(image, torch.Generator().manual_seed(0))
    rows = moved.sum(dim=(1, 3)).argmax(dim=1)
    assert rows.min() in (12, 13)
    assert rows.max() in (19, 20)


def test_batches_cover_the_data_in_another_order_each_time(digits: tuple[Images, Images]) -> None:
    numbered = Images(digits[0].images[:50], torch.arange(50))
    batches = Batches(numbered, 16, lambda images, _: images, torch.Generator().manual_seed(0))
    first, second = ([label for _, labels in batches for label in labels.tolist()] for _ in range(2))
    assert len(batches) == 3
    assert (len(set(first)), len(set(second))) == (48, 48)
    assert first != second


def test_evaluation_counts_over_all_batches() -> None:
    labels = torch.arange(1000) % 10
    logits = nn.functional.one_hot(labels, 10).float() * 100
    logits[:250] = -logits[:250]  # the first quarter is wrong
    judged = evaluate(nn.Flatten(), Images(logits[:, :, None, None], labels))
    assert judged.accuracy == 0.75
    assert judged.loss == pytest.approx(0.25 * 102.1972, rel=1e-4)  # -(-100) + ln 9, for the wrong ones


def test_the_same_seed_gives_the_same_weights(digits: tuple[Images, Images], meter: taximeter.Meter) -> None:
    data = some(digits[0], 64)
    first, again, other = (fit(data, meter, seed=seed)[1].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_loop_happens_in_its_order(digits: tuple[Images, Images], meter: taximeter.Meter) -> None:
    recorder = Recorder()
    state, _ = fit(some(digits[0], 32), meter, recorder)
    assert recorder.happened == [
        ("train_begin", 0, 0),
        *[("epoch_begin", 1, 0), ("step_end", 1, 1), ("step_end", 1, 2), ("epoch_end", 1, 2)],
        *[("epoch_begin", 2, 2), ("step_end", 2, 3), ("step_end", 2, 4), ("epoch_end", 2, 4)],
        ("train_end", 2, 4),
    ]
    assert not state.stopped


def test_a_stop_takes_hold_after_the_step(digits: tuple[Images, Images], meter: taximeter.Meter) -> None:
    recorder = Recorder()
    state, _ = fit(some(digits[0], 64), meter, recorder, stop_after=3)
    assert state.stopped
    assert recorder.happened[-2:] == [("step_end", 1, 3), ("train_end", 1, 3)]
    assert meter.end("stopped").steps == 3


def test_the_end_is_told_also_when_the_loop_fails(digits: tuple[Images, Images], meter: taximeter.Meter) -> None:
    class Failing(Callback):
        def step_end(self, state: TrainState) -> None:
            raise RuntimeError(f"no step {state.step}")

    recorder = Recorder()
    with pytest.raises(RuntimeError, match="no step 1"):
        fit(some(digits[0], 32), meter, Failing(), recorder)
    assert recorder.happened[-1] == ("train_end", 1, 1)


def test_events_and_hooks_are_the_same() -> None:
    assert set(EVENTS) == {name for name in vars(Callback) if not name.startswith("_")}


def test_a_hook_that_is_not_overridden_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Callback):
        pass

    hooks = Hooks([Silent()])
    monkeypatch.setattr(Callback, "step_end", lambda *_: pytest.fail("called"))
    hooks.call("step_end", TrainState(epochs=1, steps_per_epoch=1))


def test_the_meter_is_told_where_the_training_stands(
    digits: tuple[Images, Images], meter: taximeter.Meter, exporter: FakeExporter
) -> None:
    state, _ = fit(some(digits[0], 32), meter, Metering(meter))
    bill = meter.end()
    assert state.validation is not None
    assert state.loss is not None
    assert (bill.epochs, bill.steps, bill.samples, bill.accuracy) == (2, 4, 64, state.best_accuracy)
    assert exporter.runs["r"].progress == {
        "epoch": 2,
        "step": 4,
        "samples": 64,
        "accuracy": state.validation.accuracy,
        "loss": state.loss.item(),
    }


@pytest.mark.parametrize("simulated", [True, False])
def test_the_bar_shows_accuracy_and_money(
    digits: tuple[Images, Images], meter: taximeter.Meter, exporter: FakeExporter, ticks: Ticks, simulated: bool
) -> None:
    exporter.simulated = simulated
    ticks.advance(2)
    before = exporter.count("/renew")
    while exporter.count("/renew") < before + 2:
        pass  # so that the meter has heard what the exporter says now
    terminal = Terminal()
    fit(some(digits[0], 32), meter, Progress(meter, terminal))
    shown = terminal.getvalue().split("\r")[-1]
    assert "4/4" in shown
    assert "accuracy " in shown
    assert "cost 2.00 USD" in shown
    assert ("(simulated)" in shown) == simulated


def test_without_a_terminal_there_is_a_line_for_each_epoch(
    digits: tuple[Images, Images], meter: taximeter.Meter
) -> None:
    stream = io.StringIO()
    fit(some(digits[0], 32), meter, Progress(meter, stream))
    first, second = stream.getvalue().splitlines()
    assert first.startswith("epoch 1/2: loss ")
    assert second.startswith("epoch 2/2: loss ")
    assert second.endswith("cost 0.000000 USD")


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("epochs", 0, "--epochs: 0 does not fit: 1 or more"),
        ("batch_size", 0, "--batch-size: 0 does not fit: 1 or more"),
        ("batch_size", 1438, "--batch-size: 1438 does not fit: 1 to 1437"),
        ("learning_rate", 0.0, "--learning-rate: 0.0 does not fit: above 0"),
        ("learning_rate", float("nan"), "--learning-rate: nan does not fit"),
        ("seed", -1, "--seed: -1 does not fit: 0 to 4294967295"),
    ],
)
def test_a_configuration_that_cannot_be(option: str, value: float, complaint: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        TrainConfig.of(**{option: value})
    assert str(wrong.value).startswith(complaint)
