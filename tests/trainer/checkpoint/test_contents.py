"""What a checkpoint holds of a training is all that it takes to go on as if nothing had happened."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import header, same
from taximeter.training.checkpoint.contents import Rescheduled, Stateful, capture, restore, size_bytes
from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.file import encode, load, write
from taximeter.training.checkpoint.random_state import RandomState
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, OneCycleLR, SequentialLR

PATH = Path("runs/r/checkpoints/000001-step-1.pt")


class Training:
    """A tiny one, with dropout, that draws from every generator."""

    def __init__(self, *, inner: int = 5) -> None:
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        self.model = nn.Sequential(nn.Linear(3, inner), nn.BatchNorm1d(inner), nn.Dropout(), nn.Linear(inner, 2))
        self.optimizer = AdamW(self.model.parameters(), lr=0.1)
        self.schedule = CosineAnnealingLR(self.optimizer, 10)
        self.parts: dict[str, Stateful] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "random": RandomState(),
        }

    def steps(self, count: int) -> None:
        for _ in range(count):
            images = torch.randn(4, 3) + random.gauss() + float(np.random.standard_normal())
            self.optimizer.zero_grad()
            self.model(images).square().sum().backward()
            self.optimizer.step()
            self.schedule.step()


def through_a_file(path: Path, parts: dict[str, Stateful]) -> dict[str, object]:
    write(path, encode(header(), capture(parts)))
    return load(path)


def test_a_training_that_goes_on_elsewhere_ends_at_the_same_bits(tmp_path: Path) -> None:
    unbroken = Training()
    unbroken.steps(3)
    contents = through_a_file(tmp_path / "000001-step-3.pt", unbroken.parts)
    unbroken.steps(4)

    broken = Training()
    broken.steps(9)  # whatever it did before
    restore(PATH, contents, broken.parts)
    broken.steps(4)
    assert same(capture(broken.parts), capture(unbroken.parts))


def test_a_part_that_is_missing_or_other_is_named(tmp_path: Path) -> None:
    contents = through_a_file(tmp_path / "000001-step-0.pt", Training().parts)
    del contents["random"]
    with pytest.raises(CheckpointError, match=r"000001-step-1\.pt: has no random; begin a new run without --resume"):
        restore(PATH, contents, Training().parts)
    with pytest.raises(CheckpointError, match=r"its model does not fit: size mismatch for 0\.weight: copying a param"):
        restore(PATH, contents, Training(inner=6).parts)
    contents = {"schedule": None}
    with pytest.raises(CheckpointError, match="its schedule does not fit"):
        restore(PATH, contents, {"schedule": Training().schedule})


def test_the_generators_of_other_numbers_of_ranks_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    state = RandomState().state_dict()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    RandomState().load_state_dict({"ranks": state["ranks"] * 2})
    assert torch.equal(torch.get_rng_state(), before)
    assert caplog.messages == [
        "the checkpoint is of 2 processes and there are 1 now: random numbers go on from the seed"
    ]


def test_the_size_counts_what_is_shared_once() -> None:
    weight = torch.zeros(10)
    assert size_bytes({"a": weight, "b": [weight, torch.zeros(2, dtype=torch.float64)], "c": 3}) == 56


def schedule_of(name: str, optimizer: SGD, steps: int) -> LRScheduler:
    if name == "one-cycle":
        return OneCycleLR(optimizer, 0.1, steps)
    if name == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    rise = LinearLR(optimizer, 0.1, total_iters=2)
    return SequentialLR(optimizer, [rise, CosineAnnealingLR(optimizer, steps - 2)], milestones=[2])


@pytest.mark.parametrize("name", ["cosine", "one-cycle", "warm-up"])
def test_more_epochs_go_on_where_their_own_schedule_would_be(name: str) -> None:
    def make(steps: int) -> tuple[SGD, LRScheduler]:
        optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
        return optimizer, schedule_of(name, optimizer, steps)

    def advance(optimizer: SGD, schedule: LRScheduler, steps: int) -> list[float]:
        rates = []
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return rates

    short = make(6)
    advance(*short, 4)
    saved = {"optimizer": short[0].state_dict(), "schedule": short[1].state_dict()}
    optimizer, schedule = make(20)
    restore(PATH, saved, {"optimizer": optimizer, "schedule": Rescheduled(schedule, optimizer, steps=4)})
    assert advance(optimizer, schedule, 10) == advance(*make(20), 14)[4:]
