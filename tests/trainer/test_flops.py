"""A model's operations are counted exactly, and without carrying them out."""

from __future__ import annotations

import pytest
import torch
from taximeter.flops import Flops, flops_of
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.normed = nn.BatchNorm1d(8)
        self.first = nn.Linear(8, 16)
        self.dropout = nn.Dropout(0.5)
        self.last = nn.Linear(16, 4)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.last(self.dropout(self.first(self.normed(values))))
        return hidden


FORWARD = 2 * 32 * (8 * 16 + 16 * 4)
# Backward takes each product once for the weights and once for what comes in, which batch norm needs, too.
STEP = 3 * FORWARD


def test_a_steps_operations() -> None:
    assert flops_of(Net(), torch.zeros(32, 8)) == STEP
    assert flops_of(Net(), (torch.zeros(32, 8),)) == STEP


def test_what_is_frozen_takes_less() -> None:
    net = Net()
    net.requires_grad_(False)
    net.last.requires_grad_(True)
    assert flops_of(net, torch.zeros(32, 8)) == FORWARD + 2 * 32 * 16 * 4


def test_nothing_changes_by_counting() -> None:
    net = Net().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    flops_of(net, torch.zeros(32, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None and parameter.device.type == "cpu" for parameter in net.parameters())


def test_operations_add_up_over_samples_whose_size_changes() -> None:
    flops = Flops()
    assert flops.total(100) is None
    flops.change(10, samples=100)  # what was before is not known
    flops.change(20, samples=150)
    assert flops.total(160) == 50 * 10 + 10 * 20


def test_what_a_model_raises_is_raised() -> None:
    with pytest.raises(RuntimeError):
        flops_of(Net(), torch.zeros(32, 9))
