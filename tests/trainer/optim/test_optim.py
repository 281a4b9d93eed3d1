"""Optimisers, decay, schedules and the average of the weights."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from taximeter.training.config import ConfigError
from taximeter.training.config.schema import OptimConfig
from taximeter.training.models.build import build_model
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.optim.decay import parameter_groups
from taximeter.training.optim.ema import Ema
from taximeter.training.optim.optimizers import build_optimizer
from taximeter.training.optim.schedules import build_schedule
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer


def small() -> SmallResNet:
    torch.manual_seed(0)
    return SmallResNet(channels=1, classes=4, width=2)


def optimizer(config: OptimConfig, model: nn.Module | None = None, factor: float = 1.0) -> Optimizer:
    groups = parameter_groups(
        model or small(),
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        stage_factor=factor,
    )
    return build_optimizer(config, groups)


@pytest.mark.parametrize("name", ["small-resnet", "vit_b_32", "swin_t", "densenet121"])
def test_only_the_weights_of_layers_decay(name: str) -> None:
    model = build_model(name, classes=3, channels=3, image_size=32)
    groups = parameter_groups(model, learning_rate=0.1, weight_decay=0.5)
    decaying = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    layers = {id(part.weight) for part in model.modules() if isinstance(part, (nn.Conv2d, nn.Linear))}
    layers |= {id(part.in_proj_weight) for part in model.modules() if isinstance(part, nn.MultiheadAttention)}
    assert decaying == layers
    everything = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(everything) == sorted(id(parameter) for parameter in model.parameters())


def test_what_does_not_decay_stays_without_a_gradient() -> None:
    model = small()
    before = {name: value.clone() for name, value in model.named_parameters()}
    made = optimizer(OptimConfig(optimizer="adamw", weight_decay=0.5, learning_rate=0.1), model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed == {name for name, value in before.items() if value.ndim > 1}
    assert torch.allclose(model.fc.weight, before["fc.weight"] * (1 - 0.1 * 0.5))


def test_each_stage_learns_by_a_part_of_the_rate_above_it() -> None:
    model = small()
    groups = parameter_groups(model, learning_rate=1.0, weight_decay=0.1, stage_factor=0.5)
    rate_of = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    stages = {name.split(".")[0]: rate_of[id(parameter)] for name, parameter in model.named_parameters()}
    assert stages == {"stem": 0.0625, "layer1": 0.125, "layer2": 0.25, "layer3": 0.5, "fc": 1.0}
    assert groups[0]["lr"] == 1.0  # the head's is the one that is shown


@pytest.mark.parametrize(("name", "kind"), [("sgd", SGD), ("adam", Adam), ("adamw", AdamW)])
def test_optimisers_by_name(name: str, kind: type[Optimizer]) -> None:
    made = optimizer(OptimConfig(optimizer=name, momentum=0.8))  # type: ignore[arg-type]
    assert type(made) is kind
    if name == "sgd":
        assert (made.defaults["momentum"], made.defaults["nesterov"]) == (0.8, True)


def rates(config: OptimConfig, epochs: int, steps_per_epoch: int) -> list[float]:
    made = optimizer(config)
    schedule = build_schedule(config, made, epochs=epochs, steps_per_epoch=steps_per_epoch)
    used = []
    for _ in range(epochs * steps_per_epoch):
        used.append(float(schedule.get_last_lr()[0]))
        made.step()
        schedule.step()
    return used


def test_a_cosine_goes_from_the_rate_to_nothing() -> None:
    used = rates(OptimConfig(learning_rate=2.0), 4, 5)
    assert used == pytest.approx([1 + math.cos(math.pi * step / 20) for step in range(20)])


def test_steps_divide_the_rate_at_epochs() -> None:
    config = OptimConfig(learning_rate=1.0, schedule="step", step_epochs=2, step_factor=0.1)
    assert rates(config, 5, 2) == pytest.approx([1] * 4 + [0.1] * 4 + [0.01] * 2)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_a_warm_up_rises_in_a_straight_line_to_the_schedule(schedule: str) -> None:
    config = OptimConfig(learning_rate=1.0, schedule=schedule, warmup_epochs=1.5, step_epochs=9)  # type: ignore[arg-type]
    used = rates(config, 4, 2)
    assert used[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    expected = {"cosine": (1 + math.cos(math.pi / 5)) / 2}.get(schedule, 1.0)
    assert used[4] == pytest.approx(expected)


def test_one_cycle_rises_and_falls_once() -> None:
    used = rates(OptimConfig(learning_rate=1.0, schedule="one-cycle"), 10, 2)
    highest = used.index(max(used))
    assert highest == 5
    assert used[highest] == pytest.approx(1.0)
    assert used == sorted(used[: highest + 1]) + sorted(used[highest + 1 :], reverse=True)
    assert used[-1] < 0.05


def test_each_group_follows_the_schedule_with_its_own_rate() -> None:
    for name in ("cosine", "one-cycle"):
        config = OptimConfig(learning_rate=1.0, schedule=name, warmup_epochs=1)
        made = optimizer(config, factor=0.5)
        schedule = build_schedule(config, made, epochs=4, steps_per_epoch=2)
        for _ in range(8):
            now = schedule.get_last_lr()
            assert now[-1] == pytest.approx(float(now[0]) * 0.0625)
            made.step()
            schedule.step()


def test_a_schedule_goes_on_from_its_state() -> None:
    for name in ("constant", "cosine", "step", "one-cycle"):
        config = OptimConfig(learning_rate=1.0, schedule=name, warmup_epochs=int(name != "one-cycle"), step_epochs=1)
        made = optimizer(config)
        schedule = build_schedule(config, made, epochs=4, steps_per_epoch=3)
        for _ in range(5):
            made.step()
            schedule.step()
        again = optimizer(config)
        resumed = build_schedule(config, again, epochs=4, steps_per_epoch=3)
        again.load_state_dict(copy.deepcopy(made.state_dict()))
        resumed.load_state_dict(copy.deepcopy(schedule.state_dict()))
        for _ in range(7):
            made.step()
            again.step()
            schedule.step()
            resumed.step()
            assert resumed.get_last_lr() == schedule.get_last_lr()
            assert [group["lr"] for group in again.param_groups] == [group["lr"] for group in made.param_groups]


def test_a_warm_up_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="--warmup-epochs: 3 leaves nothing of 3 epochs: fewer than that"):
        rates(OptimConfig(warmup_epochs=3), 3, 5)


def test_the_average_follows_its_formula() -> None:
    model = nn.Linear(1, 1, bias=False)
    values = [1.0, 2.0, 4.0, 8.0]
    ema = Ema(model, decay=0.15)
    expected = values[0]  # the first one is taken as it is
    for step, value in enumerate(values):
        with torch.no_grad():
            model.weight.fill_(value)
        ema.update(model)
        if step:
            decay = min(0.15, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * value
    assert ema.model.weight.item() == pytest.approx(expected)  # type: ignore[operator]


def test_the_average_goes_on_from_its_state() -> None:
    model = small()
    ema, again = Ema(model, 0.9), Ema(model, 0.9)
    for step in range(6):
        model(torch.randn(4, 1, 8, 8))  # moves the statistics
        with torch.no_grad():
            model.fc.weight.mul_(1.5)
        ema.update(model)
        if step == 2:
            again.load_state_dict(copy.deepcopy(ema.state_dict()))
        elif step > 2:
            again.update(model)
    one, other = ema.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["fc.weight"], model.fc.weight)
    assert torch.equal(one["stem.1.num_batches_tracked"], model.state_dict()["stem.1.num_batches_tracked"])
