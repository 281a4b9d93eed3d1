"""Transfer learning: the head first, then one stage more at a time."""

from __future__ import annotations

import pytest
import torch
from taximeter.training.models.build import build_model
from taximeter.training.models.freezing import Freezing
from taximeter.training.models.small_resnet import SmallResNet
from taximeter.training.models.stages import head_of, stages_of
from torch import nn


def trained(model: nn.Module) -> set[str]:
    return {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_the_head_is_the_last_stage() -> None:
    model = SmallResNet(channels=1, classes=4)
    assert list(stages_of(model)) == ["stem", "layer1", "layer2", "layer3", "fc"]
    assert head_of(model) == ("fc", model.fc)


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (1, {"fc"}),
        (2, {"fc"}),
        (3, {"fc", "layer3"}),
        (4, {"fc", "layer3"}),
        (5, {"fc", "layer3", "layer2"}),
        (9, {"fc", "layer3", "layer2", "layer1", "stem"}),
        (90, {"fc", "layer3", "layer2", "layer1", "stem"}),
    ],
)
def test_stages_join_from_the_head_down(epoch: int, expected: set[str]) -> None:
    model = SmallResNet(channels=1, classes=4)
    Freezing(model, first_epoch=3, every=2).apply(epoch)
    assert trained(model) == expected


def test_a_frozen_stage_keeps_its_statistics_too() -> None:
    model = SmallResNet(channels=1, classes=4, width=2)
    model.train()
    Freezing(model, first_epoch=2, every=1).apply(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits: torch.Tensor = model(torch.randn(8, 1, 8, 8) + 5)
    logits.sum().backward()  # type: ignore[no-untyped-call]
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"layer3"}
    assert {name.split(".")[0] for name, value in model.named_parameters() if value.grad is not None} == {
        "layer3",
        "fc",
    }


def test_loose_weights_join_last() -> None:
    model = build_model("vit_b_32", classes=3, channels=3, image_size=32)
    freezing = Freezing(model, first_epoch=2, every=1)
    stages = len(stages_of(model))
    freezing.apply(stages - 1)
    assert not model.get_parameter("class_token").requires_grad
    freezing.apply(stages)
    assert model.get_parameter("class_token").requires_grad
