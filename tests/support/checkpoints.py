"""Checkpoints for tests: small ones, of no training in particular."""

from __future__ import annotations

from typing import Any

import torch
from taximeter.training.checkpoint.header import Header

CONTENTS: dict[str, Any] = {
    "model": {"weight": torch.arange(6.0).reshape(2, 3), "steps": torch.tensor(7)},
    "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "loader": {"epoch": 1, "generator": torch.arange(4, dtype=torch.uint8)},
}


def header(**values: Any) -> Header:
    """Of step 1 of the run `r`, unless told otherwise."""
    plain: dict[str, Any] = {
        "run": "r",
        "project": "vision",
        "epoch": 0,
        "step": 1,
        "accuracy": None,
        "stop": None,
        "settings": {"epochs": 2, "batch_size": 64, "model": "small-resnet"},
        "data": {"dataset": "digits", "fingerprint": "abc"},
        "written_at": "2026-01-01T00:00:00+00:00",
    }
    return Header(**plain | values)


def same(one: Any, other: Any) -> bool:
    """Whether two nested values are equal, tensors bit for bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and type(one) is type(other)
