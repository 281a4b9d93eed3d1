"""What a GPU can do at most: dense, by the kind of number, and nothing of a GPU that is not in the table."""

from __future__ import annotations

import pytest
import torch
from taximeter.training.engine.peaks import peak_of, peak_per_second
from taximeter.training.engine.precision import PrecisionName


@pytest.mark.parametrize(
    ("name", "precision", "tf32", "peak"),
    [
        ("NVIDIA H200", "bf16", True, 989.4e12),
        ("NVIDIA H100 80GB HBM3", "fp16", True, 989.4e12),
        ("NVIDIA H100 PCIe", "bf16", True, 756e12),
        ("NVIDIA A100-SXM4-80GB", "fp32", True, 156e12),
        ("NVIDIA A100 80GB PCIe", "fp32", False, 19.5e12),
        ("NVIDIA L4", "bf16", True, 121e12),
        ("Tesla T4", "fp16", True, 65e12),
        ("Tesla T4", "fp32", True, 8.1e12),
        ("Tesla T4", "bf16", True, None),
        ("Tesla V100-PCIE-16GB", "fp16", True, 112e12),
        ("NVIDIA L40", "bf16", True, None),
        ("NVIDIA H100 NVL", "bf16", True, None),
        ("NVIDIA GH200 480GB", "bf16", True, None),
        ("NVIDIA T400 4GB", "fp32", True, None),
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", "bf16", True, None),
    ],
)
def test_the_peak_is_that_of_this_very_gpu(name: str, precision: PrecisionName, tf32: bool, peak: float | None) -> None:
    assert peak_of(name, precision, tf32=tf32) == peak


def test_what_a_processor_can_do_is_not_known() -> None:
    assert peak_per_second(torch.device("cpu"), "fp32") is None
