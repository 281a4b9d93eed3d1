"""Chooses where readings come from on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

from taximeter_exporter.clock import Clock
from taximeter_exporter.devices.host import HostSource
from taximeter_exporter.devices.nvml import DriverAbsent, NvmlSource
from taximeter_exporter.devices.reading import ReadError, Source
from taximeter_exporter.devices.simulated import SimulatedSource

_log = logging.getLogger(__name__)


class DeviceChoice(StrEnum):
    """Which devices are to be metered."""

    AUTO = "auto"
    GPU = "gpu"
    HOST = "host"


class NoDeviceError(Exception):
    """GPUs are asked for and there are none; says why."""


def open_source(wanted: DeviceChoice, *, simulate: bool, host_uuid: Callable[[], str], clock: Clock) -> Source:
    """Simulated GPUs if asked for, else the driver's GPUs, else the host itself; logs which and why.

    `host_uuid` is asked only if the host is the device. Raises `ReadError` if there is a driver that does not work:
    the host must not quietly stand in for GPUs that cost money. Raises `NoDeviceError` if GPUs are wanted and there is
    none.
    """
    if simulate:
        _log.info("devices: simulated GPUs, as asked for; nothing that they show is real")
        return SimulatedSource(clock)
    if wanted is DeviceChoice.HOST:
        _log.info("devices: the host itself, as asked for")
        return HostSource(host_uuid())
    try:
        source = NvmlSource()
    except DriverAbsent as absent:
        why = f"no NVIDIA driver: {absent}"
    else:
        count = _gpu_count(source)
        if count:
            _log.info("devices: %d GPUs that the NVIDIA driver shows", count)
            return source
        source.close()
        why = "no GPU that the NVIDIA driver shows"
    if wanted is DeviceChoice.GPU:
        raise NoDeviceError(f"GPUs are asked for, but there is {why}; install the driver, or write `auto` or `host`")
    _log.info("devices: the host itself (%s)", why)
    return HostSource(host_uuid())


def _gpu_count(source: NvmlSource) -> int:
    try:
        return sum(device.parent is None for device in source.devices())
    except ReadError:
        source.close()
        raise
