"""PyTorch's profiler, from when it is started to the numbers that it gives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """All calls of one operator together, without what it called itself."""

    name: str
    calls: int
    cpu_seconds: float
    """Of the thread that called it."""
    device_seconds: float
    """Of the kernels that it started on a GPU."""


def wait_for(device: torch.device) -> None:
    """Until it has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Recorder:
    """Records from its creation to `stop`; nothing is recorded outside."""

    def __init__(self, device: torch.device) -> None:
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else it tells stderr when it starts, and that there is no GPU
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
        self._profile = profile(activities=kinds, acc_events=True)
        self._profile.start()

    def stop(self) -> None:
        """Stop recording."""
        self._profile.stop()

    def operators(self) -> list[OperatorTime]:
        """Of what was recorded. What only bears a name, such as an optimiser's step, is no operator."""
        return [
            OperatorTime(
                name=str(each.key),
                calls=int(each.count),
                cpu_seconds=each.self_cpu_time_total / 1e6,
                device_seconds=each.self_device_time_total / 1e6,
            )
            for each in self._profile.key_averages()
            if not each.is_user_annotation
        ]

    def write(self, path: Path) -> None:
        """As a trace that Perfetto and chrome://tracing show; `path` ends in `.json.gz`. Raises `OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".part-{path.name}")
        try:
            self._profile.export_chrome_trace(str(part))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
