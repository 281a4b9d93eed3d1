"""For how long a kernel ran on a GPU: the integral of its utilization, which loses nothing between two readings."""

from __future__ import annotations

import ctypes
from typing import Any

import pynvml

from taximeter_exporter.devices.nvml import possible
from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.direct import Table, function

LONGEST_NS = 60_000_000_000
"""What was the case for longer than this without being seen is not known, and counts for nothing."""

_KEPT_BY_DRIVER = 256
"""Its buffer holds fewer samples than that."""
_CALL = "nvmlDeviceGetSamples"


class BusyTime:
    """Of one GPU, from the driver's buffer of samples, or where there is none from the utilization of each reading."""

    def __init__(self) -> None:
        # timeStamp, sampleValue.uiVal
        self._samples = Table("=QI4x", room=_KEPT_BY_DRIVER)
        self._sampled_us = 0
        self._read_ns: int | None = None
        self._busy_ns = 0

    def read(self, gpu: Gpu, utilization_ratio: float | None, now_ns: int) -> int | None:
        """Nanoseconds since the first reading; `None` if nothing tells how busy the GPU is."""
        samples = gpu.ask_besides(_CALL, by=self._fill)
        if samples:
            self._add_samples(gpu, samples)
        elif not self._sampled_us:
            if utilization_ratio is None:
                return None
            if self._read_ns is not None and now_ns - self._read_ns <= LONGEST_NS:
                self._busy_ns += round((now_ns - self._read_ns) * utilization_ratio)
        self._read_ns = now_ns
        return self._busy_ns

    def _add_samples(self, gpu: Gpu, samples: list[tuple[int, int]]) -> None:
        """Each says how busy the GPU was from the one before it on; those before the first reading do not count."""
        for timestamp_us, percent in sorted(samples):
            since_ns = (timestamp_us - self._sampled_us) * 1000
            known = gpu.possible("gpu_busy_seconds", percent, possible.PERCENT)
            if known is not None and self._read_ns is not None and since_ns <= LONGEST_NS:
                self._busy_ns += since_ns * known // 100
            self._sampled_us = timestamp_us

    def _fill(self, handle: Any) -> list[tuple[int, int]]:
        ask, since = function(_CALL), pynvml.c_ulonglong(self._sampled_us)
        kind, value_type = ctypes.c_uint(pynvml.NVML_GPU_UTILIZATION_SAMPLES), ctypes.c_uint()

        def fill(array: Any, count: Any) -> int:
            return ask(handle, kind, since, ctypes.byref(value_type), count, array)

        return [
            (timestamp_us, percent)
            for timestamp_us, percent in self._samples.filled(fill, empty=pynvml.NVML_ERROR_NOT_FOUND)
        ]
