"""NVIDIA GPUs, through NVML and its binding `pynvml` (the distribution nvidia-ml-py).

NVML is safe to call from several threads, so each device can be read from a thread of its own.
"""

from __future__ import annotations

import logging
from typing import Any

from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.library import Library
from taximeter_exporter.devices.nvml.listing import Listing, listed
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

_log = logging.getLogger(__name__)


class NvmlSource:
    """The GPUs that the driver shows, and the MIG instances that they are divided into when they are listed.

    Raises `DriverAbsent` if there is no driver and `ReadError` if there is one that does not start (for instance after
    an update without a reboot).
    """

    def __init__(self) -> None:
        self._library = Library()
        self._handles: dict[str, Any] = {}
        self._problems: tuple[str, ...] = ()
        self._processes = ProcessList()

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`. A GPU that cannot be identified is left out with a warning.

        Every handle is looked up anew. If nothing answers, the driver may have been unloaded and loaded again: NVML is
        started anew and asked once more.
        """
        try:
            listing = self._list()
        except ReadError:
            self._handles = {}
            self._library.restart()
            listing = self._list()
        if listing.problems != self._problems:
            for problem in listing.problems:
                _log.warning("%s", problem)
        self._problems = listing.problems
        self._handles = {device.uuid: handle for device, handle in listing.handles.items()}
        return tuple(listing.handles)

    def read(self, device: Device) -> Reading:
        """See `Source.read`. What one GPU does not support is missing from its reading and costs nothing else."""
        with self._library.use():
            handle = self._handles.get(device.uuid)
            if handle is None:
                raise ReadError("; ".join((f"the driver does not show {device.uuid}", *self._problems)))
            return self._read(device, Gpu(handle))

    def close(self) -> None:
        """See `Source.close`."""
        self._library.close()

    def _list(self) -> Listing:
        with self._library.use():
            return listed()

    def _read(self, device: Device, gpu: Gpu) -> Reading:
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
