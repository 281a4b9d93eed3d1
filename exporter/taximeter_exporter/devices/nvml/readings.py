"""What one GPU says of itself: its reading, but for its processes."""

from __future__ import annotations

from typing import NamedTuple

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu

# Beyond these a value is a sentinel or garbage: no board draws 100 kW, has 1 EiB or works outside these temperatures.
POWER_MILLIWATTS = range(100_000_000)
MEMORY_BYTES = range(2**60)
ENERGY_MILLIJOULES = range(2**63)
TEMPERATURE_CELSIUS = range(-50, 200)
UTILIZATION_PERCENT = range(101)


class Memory(NamedTuple):
    """In bytes."""

    used: int | None = None
    free: int | None = None
    total: int | None = None


def utilization_ratio(gpu: Gpu) -> float | None:
    """The share of NVML's last period in which a kernel ran."""
    rates = gpu.ask("nvmlDeviceGetUtilizationRates")
    percent = None if rates is None else plausible(rates.gpu, UTILIZATION_PERCENT)
    return None if percent is None else percent / 100


def memory(gpu: Gpu) -> Memory:
    """In NVML's second version of it, which counts what the driver reserves apart, or else in the first."""
    info = gpu.ask("nvmlDeviceGetMemoryInfo", pynvml.nvmlMemory_v2)
    if info is None:
        info = gpu.ask("nvmlDeviceGetMemoryInfo")
    total = None if info is None else plausible(info.total, MEMORY_BYTES)
    if info is None or not total:
        return Memory()
    within = range(total + 1)
    return Memory(used=plausible(info.used, within), free=plausible(info.free, within), total=total)


def temperature_celsius(gpu: Gpu) -> float | None:
    """The GPU's temperature; the older call is deprecated, and the newer one is not in every driver."""
    celsius = gpu.ask("nvmlDeviceGetTemperatureV", pynvml.NVML_TEMPERATURE_GPU)
    if celsius is None:
        celsius = gpu.ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU)
    return plausible(celsius, TEMPERATURE_CELSIUS)


def plausible(value: int | None, possible: range) -> int | None:
    return value if value is not None and value in possible else None


def scaled(thousandths: int | None, possible: range) -> float | None:
    """Milliwatts as watts, millijoules as joules."""
    value = plausible(thousandths, possible)
    return None if value is None else value / 1000
