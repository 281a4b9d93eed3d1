"""What GPUs can do at most, by their maker's data sheets."""

from __future__ import annotations

import re
from typing import NamedTuple

import torch

from taximeter.training.engine.precision import PrecisionName


class _Peak(NamedTuple):
    """In 10¹² operations a second, dense: half of what a data sheet says "with sparsity". `None`: there is no such."""

    name: str
    """A pattern of the whole name that the driver gives: a card of another form, or a part of one, is another GPU."""
    fp16: float
    bf16: float | None
    tf32: float | None
    fp32: float
    """Without the matrix units."""


# Read where others quote NVIDIA's data sheets, in at least one table that tells dense figures from those with sparsity.
# What no such table was found for is left out, as the A10G, H100 NVL and H200 NVL.
_PEAKS = (
    _Peak("NVIDIA H200", 989.4, 989.4, 494.7, 66.9),  # H200 data sheet: 1,979, 989 with sparsity, 67; as the H100 SXM
    _Peak("NVIDIA H100 80GB HBM3", 989.4, 989.4, 494.7, 66.9),  # H100 data sheet, SXM: 1,979, 989 with sparsity, 67
    _Peak("NVIDIA H100 PCIe", 756, 756, 378, 51),  # H100 data sheet, PCIe: 1,513, 756 with sparsity, 51
    _Peak("NVIDIA A100.*", 312, 312, 156, 19.5),  # A100 data sheet 1758950-r4, SXM and PCIe alike: 312, 156, 19.5
    _Peak("NVIDIA L40S", 362.05, 362.05, 183, 91.6),  # L40S data sheet: 362.05, 183, 91.6
    _Peak("NVIDIA L4", 121, 121, 60, 30.3),  # L4 data sheet: 242, 120 with sparsity, 30.3
    _Peak("Tesla T4", 65, None, None, 8.1),  # T4 data sheet: 65, 8.1
    _Peak("Tesla V100-SXM2.*", 125, None, None, 15.7),  # V100 data sheet, SXM2: 125, 15.7
    _Peak("Tesla V100-PCIE.*", 112, None, None, 14),  # V100 data sheet, PCIe: 112, 14
)


def peak_per_second(device: torch.device, precision: PrecisionName) -> float | None:
    """Floating-point operations a second at most, a multiplication and an addition being two; `None`: not known.

    At fp32 those of TF32 where there is one and torch lets convolutions use it, which is its default.
    """
    if device.type != "cuda":
        return None
    tf32 = torch.backends.cudnn.allow_tf32
    return peak_of(torch.cuda.get_device_name(device), precision, tf32=tf32)


def peak_of(name: str, precision: PrecisionName, *, tf32: bool) -> float | None:
    """Of the GPU that the driver calls so. `tf32`: whether convolutions may use it at fp32."""
    if " MIG " in name:
        return None
    for peak in _PEAKS:
        if re.fullmatch(peak.name, name):
            at_fp32 = peak.tf32 if tf32 and peak.tf32 is not None else peak.fp32
            its = {"fp16": peak.fp16, "bf16": peak.bf16, "fp32": at_fp32}[precision]
            return None if its is None else its * 1e12
    return None
