"""GPM, the counters of Hopper and later GPUs: how much of the time their units worked, between two samples."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu

ACTIVITIES = {
    "gpu_graphics_activity_ratio": pynvml.NVML_GPM_METRIC_GRAPHICS_UTIL,
    "gpu_sm_activity_ratio": pynvml.NVML_GPM_METRIC_SM_UTIL,
    "gpu_sm_occupancy_ratio": pynvml.NVML_GPM_METRIC_SM_OCCUPANCY,
    "gpu_integer_activity_ratio": pynvml.NVML_GPM_METRIC_INTEGER_UTIL,
    "gpu_tensor_activity_ratio": pynvml.NVML_GPM_METRIC_ANY_TENSOR_UTIL,
    "gpu_dram_activity_ratio": pynvml.NVML_GPM_METRIC_DRAM_BW_UTIL,
    "gpu_fp64_activity_ratio": pynvml.NVML_GPM_METRIC_FP64_UTIL,
    "gpu_fp32_activity_ratio": pynvml.NVML_GPM_METRIC_FP32_UTIL,
    "gpu_fp16_activity_ratio": pynvml.NVML_GPM_METRIC_FP16_UTIL,
}
"""In percent; by the name under which each is shown."""
RATES = {
    ("pcie", "transmit"): pynvml.NVML_GPM_METRIC_PCIE_TX_PER_SEC,
    ("pcie", "receive"): pynvml.NVML_GPM_METRIC_PCIE_RX_PER_SEC,
    ("nvlink", "transmit"): pynvml.NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC,
    ("nvlink", "receive"): pynvml.NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC,
}
"""In MiB a second."""

_IDS = (*ACTIVITIES.values(), *RATES.values())
_NAMES = {metric: name for name, metric in ACTIVITIES.items()}
_MIB = 2**20
_SLACK_PERCENT = 5
"""A unit that worked all the time can come out a little above 100, as the two counters are not read at one moment."""

# c_nvmlGpmMetric_t: metricId, nvmlReturn, value, three names
_METRIC = struct.Struct("=IId24x")
_METRICS_AT = 24


class _Instance(NamedTuple):
    """Where the driver has the figures of a MIG instance."""

    gpu: Any
    """The handle of the whole GPU."""
    number: int
    """Of the GPU instance there."""


class Gpm:
    """Of one GPU: keeps the last sample, and frees what it has allocated when it is closed."""

    def __init__(self) -> None:
        self._last: Any = None
        self._spare: Any = None
        self._last_ns = 0
        self._instance: _Instance | None = None
        self._ratios: Mapping[str, float] = {}
        self.bytes: dict[tuple[str, str], int] = {}
        """By the kind of link and the direction: what has passed since the first sample."""
        self._request = pynvml.c_nvmlGpmMetricsGet_t()
        self._answers = (ctypes.c_char * (len(_IDS) * _METRIC.size)).from_buffer(self._request, _METRICS_AT)
        self._request.version = pynvml.NVML_GPM_METRICS_GET_VERSION
        self._request.numMetrics = len(_IDS)
        for place, metric in enumerate(_IDS):
            self._request.metrics[place].metricId = metric

    def read(self, gpu: Gpu, now_ns: int, *, is_instance: bool = False) -> Mapping[str, float]:
        """The ratios, 0 to 1, of the time between the last two samples; empty where there is no GPM.

        Those of a MIG instance are of its part of the GPU (of a compute instance: of the GPU instance that it is in).
        """
        if self._last is None:
            if is_instance:
                self._instance = _instance(gpu)
            if (is_instance and self._instance is None) or not self._is_there(gpu):
                return {}
        sample = self._sample(gpu)
        if sample is None:
            return {}
        before, self._last = self._last, sample
        passed_ns, self._last_ns = now_ns - self._last_ns, now_ns
        self._spare = before
        if before is not None:
            self._ratios = self._between(gpu, before, sample, passed_ns)
        return self._ratios

    @property
    def works(self) -> bool:
        """Whether there is GPM: its first figures come with the second sample."""
        return self._last is not None

    def forget(self) -> None:
        """The driver is another one: its samples went with it."""
        self._last = self._spare = None
        self._ratios = {}

    def close(self) -> None:
        """Free the samples."""
        for sample in (self._last, self._spare):
            if sample is not None:
                with suppress(pynvml.NVMLError):
                    pynvml.nvmlGpmSampleFree(sample)
        self.forget()

    def _sample(self, gpu: Gpu) -> Any:
        if self._spare is None:
            self._spare = gpu.ask_besides("nvmlGpmSampleAlloc", by=lambda _: pynvml.nvmlGpmSampleAlloc())
        if self._spare is None:
            return None
        if self._instance is None:
            return gpu.ask_besides("nvmlGpmSampleGet", varying=(self._spare,))
        instance = self._instance
        return gpu.ask_besides(
            "nvmlGpmMigSampleGet",
            by=lambda _: pynvml.nvmlGpmMigSampleGet(instance.gpu, instance.number, self._spare),
        )

    def _is_there(self, gpu: Gpu) -> bool:
        call, device = "nvmlGpmQueryDeviceSupport", gpu.handle if self._instance is None else self._instance.gpu
        support = gpu.ask_besides(call, by=lambda _: pynvml.nvmlGpmQueryDeviceSupport(device))
        if support is not None and not support.isSupportedDevice:
            gpu.give_up(call, "not on this GPU")
        return support is not None and bool(support.isSupportedDevice)

    def _between(self, gpu: Gpu, before: Any, after: Any, passed_ns: int) -> Mapping[str, float]:
        self._request.sample1, self._request.sample2 = before, after
        if gpu.ask_besides("nvmlGpmMetricsGet", by=lambda _: pynvml.nvmlGpmMetricsGet(self._request)) is None:
            return {}
        answers = _METRIC.iter_unpack(self._answers)
        values = {metric: value for metric, code, value in answers if code == pynvml.NVML_SUCCESS}
        for key, metric in RATES.items():
            rate = values.get(metric)
            # NaN is not within anything
            if rate is not None and 0 <= rate < _MIB:
                self.bytes[key] = self.bytes.get(key, 0) + round(rate * _MIB * passed_ns / 1e9)
        ratios = {}
        for metric, name in _NAMES.items():
            percent = values.get(metric)
            if percent is None:
                continue
            if 0 <= percent <= 100 + _SLACK_PERCENT:
                ratios[name] = min(percent, 100.0) / 100
            else:
                gpu.refuse(name)
        return ratios


def _instance(gpu: Gpu) -> _Instance | None:
    whole = gpu.ask_besides("nvmlDeviceGetDeviceHandleFromMigDeviceHandle")
    number = gpu.ask_besides("nvmlDeviceGetGpuInstanceId")
    return None if whole is None or number is None else _Instance(whole, number)
