"""What is read seldom, as it changes seldom: limits, links, and the health of the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pynvml

from taximeter_exporter.devices.nvml import possible
from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.fields import Field, Fields
from taximeter_exporter.devices.nvml.links import (
    NVLINK_ERRORS,
    nvlink_errors,
    nvlinks,
    pcie_bytes_per_second,
)
from taximeter_exporter.devices.nvml.readings import clocks_max_hertz
from taximeter_exporter.devices.reading import Standing

_T = TypeVar("_T")

_THRESHOLDS = {
    "shutdown": pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
    "slowdown": pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN,
    "memory_max": pynvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX,
    "gpu_max": pynvml.NVML_TEMPERATURE_THRESHOLD_GPU_MAX,
}
_MARGIN_LIMITS = {
    "shutdown": Field(pynvml.NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT),
    "slowdown": Field(pynvml.NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT),
    "memory_max": Field(pynvml.NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT),
    "gpu_max": Field(pynvml.NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT),
}
_RETIRED = {
    "multiple_single_bit": Field(pynvml.NVML_FI_DEV_RETIRED_SBE),
    "double_bit": Field(pynvml.NVML_FI_DEV_RETIRED_DBE),
}
_RETIREMENT_PENDING = Field(pynvml.NVML_FI_DEV_RETIRED_PENDING)
_ECC_KINDS = {
    "corrected": pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
    "uncorrected": pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
}


class StandingReader:
    """Of one GPU."""

    def __init__(self) -> None:
        fields = (*_MARGIN_LIMITS.values(), *_RETIRED.values(), _RETIREMENT_PENDING, *NVLINK_ERRORS.values())
        self._fields = Fields(fields)

    def read(self, gpu: Gpu, *, pcie_is_counted: bool) -> Standing:
        """All of it. It asks also for what was not supported before. Raises `ReadError`."""
        self._fields.ask_all_again()
        fields = self._fields.read(gpu)
        least, most = gpu.ask_besides("nvmlDeviceGetPowerManagementLimitConstraints") or (None, None)
        bar1 = _bar1(gpu)
        links, active = nvlinks(gpu)
        ecc = gpu.ask_besides("nvmlDeviceGetEccMode")
        corrected, uncorrected, pending, failed = gpu.ask_besides("nvmlDeviceGetRemappedRows") or (None,) * 4
        return Standing(
            power_default_limit_watts=_limit(
                gpu, "gpu_power_default_limit_watts", gpu.ask_besides("nvmlDeviceGetPowerManagementDefaultLimit")
            ),
            power_min_limit_watts=_limit(gpu, "gpu_power_min_limit_watts", least),
            power_max_limit_watts=_limit(gpu, "gpu_power_max_limit_watts", most),
            temperature_thresholds_celsius=_present(
                {name: _threshold_celsius(gpu, number) for name, number in _THRESHOLDS.items()}
            ),
            temperature_margin_limits_celsius=_present(
                {name: _margin_limit_celsius(gpu, fields.get(field)) for name, field in _MARGIN_LIMITS.items()}
            ),
            clocks_max_hertz=clocks_max_hertz(gpu),
            fan_speed_ratios=_fans(gpu),
            bar1_memory_used_bytes=bar1[0],
            bar1_memory_free_bytes=bar1[1],
            bar1_memory_total_bytes=bar1[2],
            pcie_generation=_generation(gpu, "gpu_pcie_generation", "nvmlDeviceGetCurrPcieLinkGeneration"),
            pcie_max_generation=_generation(gpu, "gpu_pcie_max_generation", "nvmlDeviceGetMaxPcieLinkGeneration"),
            pcie_width=_lanes(gpu, "gpu_pcie_lanes", "nvmlDeviceGetCurrPcieLinkWidth"),
            pcie_max_width=_lanes(gpu, "gpu_pcie_max_lanes", "nvmlDeviceGetMaxPcieLinkWidth"),
            pcie_replays=gpu.possible(
                "gpu_pcie_replays", gpu.ask_besides("nvmlDeviceGetPcieReplayCounter"), possible.SMALL_COUNT
            ),
            pcie_bytes_per_second={} if pcie_is_counted else pcie_bytes_per_second(gpu),
            nvlinks=links,
            nvlinks_active=active,
            nvlink_errors=nvlink_errors(gpu, fields),
            ecc_enabled=_flag(gpu, "gpu_ecc_enabled", None if ecc is None else ecc[0]),
            ecc_errors=_ecc_errors(gpu, "gpu_ecc_errors", pynvml.NVML_VOLATILE_ECC),
            ecc_lifetime_errors=_ecc_errors(gpu, "gpu_ecc_lifetime_errors", pynvml.NVML_AGGREGATE_ECC),
            retired_pages=_present(
                {
                    cause: gpu.possible("gpu_retired_pages", fields.get(field), possible.SMALL_COUNT)
                    for cause, field in _RETIRED.items()
                }
            ),
            retired_pages_pending=_flag(gpu, "gpu_retired_pages_pending", fields.get(_RETIREMENT_PENDING)),
            remapped_rows=_present(
                {
                    cause: gpu.possible("gpu_remapped_rows", rows, possible.SMALL_COUNT)
                    for cause, rows in (("corrected", corrected), ("uncorrected", uncorrected))
                }
            ),
            remapped_rows_pending=_flag(gpu, "gpu_remapped_rows_pending", pending),
            row_remap_failed=_flag(gpu, "gpu_row_remap_failed", failed),
        )


def power_limit_watts(gpu: Gpu) -> float | None:
    """The limit in force."""
    return _limit(gpu, "gpu_power_limit_watts", gpu.ask_besides("nvmlDeviceGetEnforcedPowerLimit"))


def _limit(gpu: Gpu, reading: str, milliwatts: int | None) -> float | None:
    return gpu.scaled(reading, milliwatts, possible.MILLIWATTS, per=possible.MILLI)


def _threshold_celsius(gpu: Gpu, number: int) -> float | None:
    celsius = gpu.ask_besides("nvmlDeviceGetTemperatureThreshold", number)
    return gpu.possible("gpu_temperature_threshold_celsius", celsius, possible.THRESHOLD_CELSIUS)


def _margin_limit_celsius(gpu: Gpu, celsius: int | None) -> float | None:
    return gpu.possible("gpu_temperature_margin_limit_celsius", celsius, possible.MARGIN_CELSIUS)


def _fans(gpu: Gpu) -> Mapping[str, float]:
    count = gpu.possible("gpu_fan_speed_ratio", gpu.ask_besides("nvmlDeviceGetNumFans"), possible.FANS)
    ratios = {}
    for fan in range(count or 0):
        percent = gpu.ask_besides("nvmlDeviceGetFanSpeed_v2", fan)
        ratio = gpu.scaled("gpu_fan_speed_ratio", percent, possible.FAN_PERCENT, per=possible.PERCENT_PER_RATIO)
        if ratio is not None:
            ratios[str(fan)] = ratio
    return ratios


def _bar1(gpu: Gpu) -> tuple[int | None, int | None, int | None]:
    info = gpu.ask_besides("nvmlDeviceGetBAR1MemoryInfo")
    total = None if info is None else gpu.possible("gpu_bar1_memory_total_bytes", info.bar1Total, possible.BYTES)
    if info is None or not total:
        return None, None, None
    within = range(total + 1)
    used = gpu.possible("gpu_bar1_memory_used_bytes", info.bar1Used, within)
    return used, gpu.possible("gpu_bar1_memory_free_bytes", info.bar1Free, within), total


def _generation(gpu: Gpu, reading: str, call: str) -> int | None:
    return gpu.possible(reading, gpu.ask_besides(call), possible.PCIE_GENERATIONS)


def _lanes(gpu: Gpu, reading: str, call: str) -> int | None:
    return gpu.possible(reading, gpu.ask_besides(call), possible.PCIE_LANES)


def _ecc_errors(gpu: Gpu, reading: str, counter: int) -> Mapping[str, int]:
    return _present(
        {
            kind: gpu.possible(reading, gpu.ask_besides("nvmlDeviceGetTotalEccErrors", number, counter), possible.COUNT)
            for kind, number in _ECC_KINDS.items()
        }
    )


def _flag(gpu: Gpu, reading: str, value: int | None) -> bool | None:
    flag = gpu.possible(reading, value, possible.FLAG)
    return None if flag is None else bool(flag)


def _present(values: Mapping[str, _T | None]) -> Mapping[str, _T]:
    return {name: value for name, value in values.items() if value is not None}
