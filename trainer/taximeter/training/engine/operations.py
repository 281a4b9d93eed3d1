"""How many operations a step takes, for the share of the device's peak that it reaches."""

from __future__ import annotations

import torch

from taximeter import Meter
from taximeter.training.engine.parts import Parts
from taximeter.training.engine.peaks import peak_per_second


def count_operations(meter: Meter, parts: Parts, image: tuple[int, int, int]) -> None:
    """Count those of the weights that are trained now, and tell the meter, for the steps from here on.

    `image` is the shape that the model takes, C×H×W. Nothing is carried out.
    """
    meter.measure_flops(
        parts.model,
        torch.zeros(2, *image, device=parts.ranks.device),  # batch normalisation wants more than one
        peak_per_second=peak_per_second(parts.ranks.device, parts.precision.name),
    )
