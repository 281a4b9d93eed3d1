"""What holds the clocks of a GPU down ("clocks event reasons", once "throttle reasons"), and for how long it has."""

from __future__ import annotations

from collections.abc import Mapping

import pynvml

from taximeter_exporter.devices.nvml import possible
from taximeter_exporter.devices.nvml.busy_time import LONGEST_NS
from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.fields import Field

REASONS = {
    "gpu_idle": pynvml.nvmlClocksThrottleReasonGpuIdle,
    "applications_clocks_setting": pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting,
    "sw_power_cap": pynvml.nvmlClocksThrottleReasonSwPowerCap,
    "hw_slowdown": pynvml.nvmlClocksThrottleReasonHwSlowdown,
    "sync_boost": pynvml.nvmlClocksThrottleReasonSyncBoost,
    "sw_thermal_slowdown": pynvml.nvmlClocksThrottleReasonSwThermalSlowdown,
    "hw_thermal_slowdown": pynvml.nvmlClocksThrottleReasonHwThermalSlowdown,
    "hw_power_brake_slowdown": pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
    "display_clock_setting": pynvml.nvmlClocksThrottleReasonDisplayClockSetting,
}
"""The bit of each; newer bindings have the same under newer names."""

COUNTED = {
    "sw_power_cap": Field(pynvml.NVML_FI_DEV_PERF_POLICY_POWER),
    "sync_boost": Field(pynvml.NVML_FI_DEV_PERF_POLICY_SYNC_BOOST),
    "sw_thermal_slowdown": Field(269),
    "hw_thermal_slowdown": Field(270),
    "hw_power_brake_slowdown": Field(271),
}
"""The fields in which newer drivers count the nanoseconds themselves (NVML_FI_DEV_CLOCKS_EVENT_REASON_…)."""

_CURRENT = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
_SUPPORTED = ("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons")


class Throttle:
    """Of one GPU. A reason counts by the driver's own counter where there is one at the first reading.

    That is the more right: it sees what comes and goes between two readings. The others are counted by what each
    reading shows, for the time since the one before.
    """

    def __init__(self) -> None:
        self._supported: tuple[str, ...] = tuple(REASONS)
        self._read_ns: int | None = None
        self._seen_ns: dict[str, int] = {}
        self._counted: Mapping[str, Field] | None = None
        self._counted_ns: Mapping[str, int] = {}

    def look_up_supported(self, gpu: Gpu) -> None:
        """Which reasons this GPU can have."""
        mask = _first(gpu, _SUPPORTED)
        self._supported = tuple(name for name, bit in REASONS.items() if mask is None or mask & bit)

    def take_counters(self, gpu: Gpu, fields: Mapping[Field, int]) -> None:
        """Keep what the driver has counted by now."""
        if self._counted is None:
            self._counted = {name: field for name, field in COUNTED.items() if field in fields}
        counted = {
            name: gpu.possible("gpu_throttle_seconds", fields.get(field), possible.NANOSECONDS)
            for name, field in self._counted.items()
        }
        self._counted_ns = {name: ns for name, ns in counted.items() if ns is not None}

    def read(self, gpu: Gpu, now_ns: int) -> tuple[Mapping[str, bool], Mapping[str, int]]:
        """Whether each reason is there now, and the nanoseconds of each."""
        mask = _first(gpu, _CURRENT)
        active = {} if mask is None else {name: bool(mask & REASONS[name]) for name in self._supported}
        passed_ns = 0 if self._read_ns is None else now_ns - self._read_ns
        self._read_ns = now_ns
        for name, is_active in active.items():
            if name in (self._counted or {}):
                continue
            self._seen_ns.setdefault(name, 0)
            if is_active and passed_ns <= LONGEST_NS:
                self._seen_ns[name] += passed_ns
        return active, {**self._seen_ns, **self._counted_ns}


def _first(gpu: Gpu, calls: tuple[str, ...]) -> int | None:
    for call in calls:
        mask = gpu.ask_besides(call)
        if mask is not None:
            return int(mask)
    return None
