"""Whole runs from a configuration, on a few made-up images, and what is refused before the first step."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import taximeter
import torch
from taximeter.training.assemble import Training
from taximeter.training.callbacks.base import Callback
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.engine.state import TrainState
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.models.stages import stages_of
from taximeter.training.run import run
from trainer.engine.tiny import same

SMALL: dict[str, Any] = {
    "dataset": "synthetic",
    "synthetic_images": 80,
    "synthetic_classes": 3,
    "image_size": 16,
    "batch_size": 16,
    "epochs": 2,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def priced() -> Iterator[taximeter.Meter]:
    with taximeter.Meter("vision", price=Decimal(1), listen="127.0.0.1:0") as meter:
        yield meter
        meter.close(last_scrape_seconds=0)


@pytest.fixture
def trained(priced: taximeter.Meter) -> Iterator[Callable[..., tuple[Training, TrainState]]]:
    def train(*callbacks: Callback, **settings: Any) -> tuple[Training, TrainState]:
        kept: list[Training] = []

        def around(training: Training) -> Sequence[Callback]:
            kept.append(training)
            return callbacks

        config = TrainConfig.of(**(SMALL | settings))
        state = run(config, priced, stream=io.StringIO(), should_stop=lambda: False, around=around)
        return kept[0], state

    yield train
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False
    torch.backends.mkldnn.enabled = True  # type: ignore[assignment]


def weights(training: Training) -> dict[str, torch.Tensor]:
    return dict(training.parts.judged.state_dict())


EVERYTHING: dict[str, Any] = {
    "synthetic_channels": 1,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "schedule": "one-cycle",
    "ema_decay": 0.9,
    "clip_norm": 1.0,
    "accumulate": 3,
    "label_smoothing": 0.1,
    "dropout": 0.2,
    "mixup": 0.2,
    "precision": "bf16",
    "checkpointing": True,
    "deterministic": True,
}


def test_all_at_once_and_again_the_same(trained: Callable[..., tuple[Training, TrainState]]) -> None:
    (first, state), (again, _) = trained(**EVERYTHING), trained(**EVERYTHING)
    assert same(weights(first), weights(again))
    assert (state.epochs_done, state.step) == (2, 8)
    assert first.parts.micro_batches.size == 6
    assert state.validation is not None
    assert state.validation.finite


def test_head_first_and_then_more(priced: taximeter.Meter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(SmallResNet(channels=3, classes=5).state_dict(), tmp_path / "w.pt")

    class Watch(Callback):
        def __init__(self) -> None:
            self.trained: list[set[str]] = []
            self.training: Training | None = None

        def epoch_end(self, _state: TrainState) -> None:
            model = self.training.parts.model if self.training else torch.nn.Module()
            stages = stages_of(model).items()
            names = {name for name, stage in stages if next(stage.parameters()).grad is not None}
            self.trained.append(names)

    watch, counted = Watch(), []
    monkeypatch.setattr(taximeter.Meter, "log_flops", lambda _meter, per_sample, **_: counted.append(per_sample))

    def around(training: Training) -> Sequence[Callback]:
        watch.training = training
        return [watch]

    transfer = {"weights": tmp_path / "w.pt", "freeze": "head-first", "unfreeze_epoch": 2, "unfrozen_lr_factor": 0.5}
    config = TrainConfig.of(**(SMALL | transfer))
    run(config, priced, stream=io.StringIO(), should_stop=lambda: False, around=around)
    assert watch.trained == [{"fc"}, {"fc", "layer3"}]
    assert watch.training is not None
    whole, head, one_more = counted
    assert head < one_more < whole, "a stage that is not trained takes no backward pass"
    rates = {round(group["initial_lr"], 9) for group in watch.training.parts.optimizer.param_groups}
    assert rates == {round(3e-3 * 0.5**place, 9) for place in range(5)}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"compile": True, "checkpointing": True}, "--checkpointing: does not go with --compile"),
        ({"model": "resnet81"}, "--model: there is no model 'resnet81'; near to it: resnet"),
        ({"warmup_epochs": 1.99}, "--warmup-epochs: 1.99 leaves nothing of 2 epochs"),
        ({"weights": Path("nowhere.pt")}, "--weights: nowhere.pt cannot be read"),
        ({"model": "alexnet"}, "--image-size: 16 does not fit alexnet"),
        *([] if torch.cuda.is_available() else [({"device": "cuda"}, "--device: cuda is not to be had here")]),
        *([] if torch.cuda.is_available() else [({"precision": "fp16", "device": "auto"}, "--precision: fp16 needs")]),
    ],
)
def test_what_does_not_fit_is_said_before_the_first_step(
    trained: Callable[..., tuple[Training, TrainState]], settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        trained(**settings)
    assert str(wrong.value).startswith(complaint)


def test_the_target_ends_it(trained: Callable[..., tuple[Training, TrainState]]) -> None:
    _, state = trained(target_accuracy=0.01, epochs=9)
    assert (state.stop, state.epochs_done) == ("target", 1)
