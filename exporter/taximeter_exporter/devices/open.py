"""Chooses where readings come from on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from taximeter_exporter.clock import Clock
from taximeter_exporter.devices.host import HostSource
from taximeter_exporter.devices.nvml import DriverAbsent, NvmlSource
from taximeter_exporter.devices.reading import Device, ReadError, Source
from taximeter_exporter.devices.roster import Remembered, recall
from taximeter_exporter.devices.simulated import SimulatedSource

_log = logging.getLogger(__name__)


class DeviceChoice(StrEnum):
    """Which devices are to be metered."""

    AUTO = "auto"
    GPU = "gpu"
    HOST = "host"


class NoDeviceError(Exception):
    """GPUs are asked for and there are none; says why."""


class Opened(NamedTuple):
    """Where readings come from, and what is there to be read."""

    source: Source
    devices: tuple[Device, ...]
    changing: bool = False
    """Whether devices may come and go while it is open."""
    unmetered: Callable[[int], str | None] = lambda _: None
    """What to say if there are more than so many GPUs: some do not tell which they are."""


def open_source(
    wanted: DeviceChoice,
    *,
    simulate: bool,
    host_uuid: Callable[[], str],
    clock: Clock,
    remembered: Callable[[], Iterable[Remembered]] = tuple,
) -> Opened:
    """Simulated GPUs if asked for, else the driver's GPUs, else the host itself; logs which and why.

    A GPU that does not tell which it is, because it hangs or fails, is one of the `remembered`, if it is clear which.
    `host_uuid` is asked only if the host is the device. Raises `ReadError` if there is a driver that does not work, or
    does not answer in time: the host must not quietly stand in for GPUs that cost money. Raises
    `NoDeviceError` if GPUs are wanted and there is none.
    """
    if simulate:
        _log.info("devices: simulated GPUs, as asked for; nothing that they show is real")
        return _unchanging(SimulatedSource(clock))
    if wanted is DeviceChoice.HOST:
        _log.info("devices: the host itself, as asked for")
        return _unchanging(HostSource(host_uuid()))
    try:
        opened = _open_nvml(remembered, boot_id=clock.boot_id)
    except DriverAbsent as absent:
        why = f"no NVIDIA driver: {absent}"
    else:
        count = sum(device.parent is None for device in opened.devices)
        if count:
            _log.info("devices: %d GPUs that the NVIDIA driver shows", count)
            return opened
        opened.source.close()
        why = "no GPU that the NVIDIA driver shows"
    if wanted is DeviceChoice.GPU:
        raise NoDeviceError(f"GPUs are asked for, but there is {why}; install the driver, or write `auto` or `host`")
    _log.info("devices: the host itself (%s)", why)
    return _unchanging(HostSource(host_uuid()))


def _unchanging(source: Source) -> Opened:
    return Opened(source, source.devices())


def _open_nvml(remembered: Callable[[], Iterable[Remembered]], *, boot_id: str) -> Opened:
    source = NvmlSource()
    try:
        listed = source.devices()
        unidentified = source.unidentified
        recalled = recall(listed, unidentified, remembered(), boot_id=boot_id) if unidentified else ()
        for device in recalled:
            _log.warning("%s goes on being metered: it must be a GPU that cannot be identified now", device.uuid)
        devices = (*listed, *recalled)
        if unidentified and not devices:
            each = (f"GPU {index}: {why}" for index, why in unidentified.items())
            raise ReadError(f"no GPU can be identified: {'; '.join(each)}")
        return Opened(source, devices, changing=True, unmetered=source.unmetered)
    except BaseException:
        source.close()
        raise
