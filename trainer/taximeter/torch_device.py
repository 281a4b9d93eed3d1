"""What the meter asks torch about an accelerator: only if the program has loaded torch, and without waiting for it."""

from __future__ import annotations

import sys
from typing import Any


def cuda_in_use() -> bool:
    """Whether the program has loaded torch and begun to use CUDA (or ROCm, which torch calls so as well)."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def timing_event() -> Any:
    """A new event of the current CUDA device that knows when it was."""
    return sys.modules["torch"].cuda.Event(enable_timing=True)


def event_on(device: Any) -> Any:
    """A new event of a device's kind (`cuda`, `xpu`, `mps`), a `torch.device`."""
    return getattr(sys.modules["torch"], device.type).Event()


def current_cuda_device() -> int:
    """The CUDA device of the thread that asks."""
    return int(sys.modules["torch"].cuda.current_device())


def cuda_peak_memory(device: int) -> int:
    """The most memory in bytes that tensors on a CUDA device held at once."""
    return int(sys.modules["torch"].cuda.max_memory_allocated(device))
