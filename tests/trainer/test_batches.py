"""How many samples a batch holds is seen from its outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from taximeter.batches import samples_in

IMAGES = np.zeros((64, 3, 32, 32))


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        (IMAGES, 64),
        ((IMAGES, np.zeros(64)), 64),
        ([IMAGES, np.zeros(64)], 64),
        ({"images": IMAGES, "labels": np.zeros(64)}, 64),
        (([np.zeros((3, 8, 8)), np.zeros((3, 9, 9))], [{}, {}]), 2),
        (["one", "two", "three"], 3),
        ({"ids": [1, 2, 3, 4]}, 4),
        ([], 0),
        ({}, 1),
        (np.float32(1.0), 1),
        (7, 1),
    ],
)
def test_samples_of_a_batch(batch: Any, samples: int) -> None:
    assert samples_in(batch) == samples
