"""What GPUs can do at most, by their makers' data sheets."""

from __future__ import annotations

import torch

from taximeter.training.precision import PrecisionName

# In 10¹² operations a second, dense (sparsity left out), of the matrix units at 16 bits, which bf16 and fp16 share, and
# at fp32 as torch's convolutions use it (TF32 where there is one). From NVIDIA's data sheets; the first name that is
# part of the device's holds.
_PEAKS: tuple[tuple[str, float, float], ...] = (
    ("H200", 989.5, 494.7),
    ("H100 PCIe", 756.0, 378.0),
    ("H100", 989.5, 494.7),
    ("A100", 312.0, 156.0),
    ("A10G", 70.0, 35.0),
    ("L40S", 362.0, 183.0),
    ("L4", 121.0, 60.0),
    ("T4", 65.0, 8.1),
    ("V100", 125.0, 15.7),
)


def peak_per_second(device: torch.device, precision: PrecisionName) -> float | None:
    """Floating-point operations a second at most, a multiplication and an addition being two; `None`: not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    for part, short, single in _PEAKS:
        if part in name:
            return (single if precision == "fp32" else short) * 1e12
    return None
