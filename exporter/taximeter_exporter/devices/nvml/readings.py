"""What one GPU says of itself at every reading: utilization, memory, power, temperature, clocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pynvml

from taximeter_exporter.devices.nvml import possible
from taximeter_exporter.devices.nvml.calls import Gpu

CLOCKS = {
    "graphics": pynvml.NVML_CLOCK_GRAPHICS,
    "sm": pynvml.NVML_CLOCK_SM,
    "memory": pynvml.NVML_CLOCK_MEM,
    "video": pynvml.NVML_CLOCK_VIDEO,
}
_ENGINES = {
    "encoder": "nvmlDeviceGetEncoderUtilization",
    "decoder": "nvmlDeviceGetDecoderUtilization",
    "jpeg": "nvmlDeviceGetJpgUtilization",
    "ofa": "nvmlDeviceGetOfaUtilization",
}


class Utilization(NamedTuple):
    """Shares of NVML's last period, 0 to 1."""

    gpu: float | None = None
    """In which a kernel ran."""
    memory_bandwidth: float | None = None
    """In which the memory was read or written."""


class Memory(NamedTuple):
    """In bytes."""

    used: int | None = None
    free: int | None = None
    reserved: int | None = None
    total: int | None = None


def utilization(gpu: Gpu) -> Utilization:
    """Of the multiprocessors and of the memory."""
    rates = gpu.ask("nvmlDeviceGetUtilizationRates")
    if rates is None:
        return Utilization()
    return Utilization(
        gpu=_ratio(gpu, "gpu_utilization_ratio", rates.gpu),
        memory_bandwidth=_ratio(gpu, "gpu_memory_bandwidth_utilization_ratio", rates.memory),
    )


def engine_utilization_ratios(gpu: Gpu) -> Mapping[str, float]:
    """Of the engines for video and pictures, 0 to 1."""
    ratios = {}
    for engine, call in _ENGINES.items():
        answer = gpu.ask_besides(call)
        ratio = None if answer is None else _ratio(gpu, "gpu_engine_utilization_ratio", answer[0])
        if ratio is not None:
            ratios[engine] = ratio
    return ratios


def memory(gpu: Gpu) -> Memory:
    """In NVML's second version of it, which counts what the driver reserves apart, or else in the first."""
    info = gpu.ask("nvmlDeviceGetMemoryInfo", pynvml.nvmlMemory_v2)
    reserved = None if info is None else info.reserved
    if info is None:
        info = gpu.ask("nvmlDeviceGetMemoryInfo")
    total = None if info is None else gpu.possible("gpu_memory_total_bytes", info.total, possible.BYTES)
    if info is None or not total:
        return Memory()
    within = range(total + 1)
    return Memory(
        used=gpu.possible("gpu_memory_used_bytes", info.used, within),
        free=gpu.possible("gpu_memory_free_bytes", info.free, within),
        reserved=gpu.possible("gpu_memory_reserved_bytes", reserved, within),
        total=total,
    )


def power_watts(gpu: Gpu) -> float | None:
    """What the GPU draws."""
    milliwatts = gpu.ask("nvmlDeviceGetPowerUsage")
    return gpu.scaled("gpu_power_watts", milliwatts, possible.MILLIWATTS, per=possible.MILLI)


def energy_joules(gpu: Gpu) -> float | None:
    """Since the driver was loaded."""
    millijoules = gpu.ask("nvmlDeviceGetTotalEnergyConsumption")
    return gpu.scaled("gpu_energy_joules", millijoules, possible.MILLIJOULES, per=possible.MILLI)


def temperature_celsius(gpu: Gpu) -> float | None:
    """The GPU's temperature; the older call is deprecated, and the newer one is not in every driver."""
    celsius = gpu.ask("nvmlDeviceGetTemperatureV", pynvml.NVML_TEMPERATURE_GPU)
    if celsius is None:
        celsius = gpu.ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU)
    return gpu.possible("gpu_temperature_celsius", celsius, possible.CELSIUS)


def temperature_margin_celsius(gpu: Gpu) -> float | None:
    """How far it is to the temperature at which the GPU slows down."""
    celsius = gpu.ask_besides("nvmlDeviceGetMarginTemperature")
    return gpu.possible("gpu_temperature_margin_celsius", celsius, possible.MARGIN_CELSIUS)


def clocks_hertz(gpu: Gpu) -> Mapping[str, float]:
    """The clocks now."""
    return _clocks(gpu, "nvmlDeviceGetClockInfo", "gpu_clock_hertz")


def clocks_max_hertz(gpu: Gpu) -> Mapping[str, float]:
    """The highest that the clocks can be."""
    return _clocks(gpu, "nvmlDeviceGetMaxClockInfo", "gpu_clock_max_hertz")


def performance_state(gpu: Gpu) -> int | None:
    """0, the fastest, to 15; the driver may answer that it does not know."""
    state = gpu.ask_besides("nvmlDeviceGetPerformanceState")
    if state == pynvml.NVML_PSTATE_UNKNOWN:
        return None
    return gpu.possible("gpu_performance_state", state, possible.PERFORMANCE_STATES)


def _clocks(gpu: Gpu, call: str, reading: str) -> Mapping[str, float]:
    hertz = {}
    for clock, number in CLOCKS.items():
        megahertz = gpu.possible(reading, gpu.ask_besides(call, number), possible.MEGAHERTZ)
        if megahertz is not None:
            hertz[clock] = float(megahertz * possible.MEGA)
    return hertz


def _ratio(gpu: Gpu, reading: str, percent: int) -> float | None:
    return gpu.scaled(reading, percent, possible.PERCENT, per=possible.PERCENT_PER_RATIO)
