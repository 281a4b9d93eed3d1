"""NVIDIA GPUs, through NVML and its binding `pynvml` (the distribution nvidia-ml-py).

NVML is safe to call from several threads, so each device can be read from a thread of its own.
"""

from __future__ import annotations

from typing import Any

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.listing import listed
from taximeter_exporter.devices.nvml.processes import ProcessList
from taximeter_exporter.devices.nvml.readings import (
    ENERGY_MILLIJOULES,
    POWER_MILLIWATTS,
    memory,
    scaled,
    temperature_celsius,
    utilization_ratio,
)
from taximeter_exporter.devices.reading import Device, ReadError, Reading

_DRIVER_ABSENT = frozenset({pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED})


class DriverAbsent(Exception):
    """There is no NVIDIA driver here; says what is missing."""


class NvmlSource:
    """The GPUs that the driver shows, and the MIG instances that they are divided into when they are listed.

    Raises `DriverAbsent` if there is no driver and `ReadError` if there is one that does not start (for instance after
    an update without a reboot).
    """

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            if error.value in _DRIVER_ABSENT:
                raise DriverAbsent(str(error)) from error
            raise ReadError(f"nvmlInit: {error}") from error
        self._handles: dict[str, Any] = {}
        self._processes = ProcessList()

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`. A GPU that cannot be identified is left out with a warning."""
        found = dict(listed())
        self._handles |= {device.uuid: handle for device, handle in found.items()}
        return tuple(found)

    def read(self, device: Device) -> Reading:
        """See `Source.read`. What one GPU does not support is missing from its reading and costs nothing else."""
        if device.uuid not in self._handles:
            raise ReadError(f"{device.uuid} is not a GPU that was listed")
        gpu = Gpu(self._handles[device.uuid])
        in_memory = memory(gpu)
        reading = Reading(
            utilization_ratio=utilization_ratio(gpu),
            memory_used_bytes=in_memory.used,
            memory_free_bytes=in_memory.free,
            memory_total_bytes=in_memory.total,
            power_watts=scaled(gpu.ask("nvmlDeviceGetPowerUsage"), POWER_MILLIWATTS),
            power_limit_watts=scaled(gpu.ask("nvmlDeviceGetEnforcedPowerLimit"), POWER_MILLIWATTS),
            energy_joules=scaled(gpu.ask("nvmlDeviceGetTotalEnergyConsumption"), ENERGY_MILLIJOULES),
            temperature_celsius=temperature_celsius(gpu),
            processes=self._processes.read(device, gpu),
        )
        if gpu.refused and not gpu.answered:
            raise ReadError(f"no call was answered; {gpu.refused}")
        return reading

    def close(self) -> None:
        """See `Source.close`."""
        pynvml.nvmlShutdown()
