"""Where the channels of a pixel lie side by side."""

from __future__ import annotations

import pytest
import torch
from taximeter.training.models.memory_format import is_channels_last_faster


@pytest.mark.parametrize(
    ("model", "image_size", "device", "faster"),
    [
        ("resnet18", 32, "cpu", False),
        ("resnet34", 72, "cpu", False),
        ("resnet18", 224, "cpu", True),
        ("resnet50", 72, "cpu", True),
        ("small-resnet", 32, "cpu", True),
        ("resnet18", 32, "cuda", True),
    ],
)
def test_where_it_was_measured_to_be_faster(model: str, image_size: int, device: str, faster: bool) -> None:
    assert is_channels_last_faster(model, image_size=image_size, device=torch.device(device)) is faster
