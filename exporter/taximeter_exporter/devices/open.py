"""Chooses where readings come from on this machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from queue import Empty, Queue
from typing import NamedTuple

from taximeter_exporter.clock import Clock
from taximeter_exporter.devices.host import HostSource
from taximeter_exporter.devices.nvml import DriverAbsent, NvmlSource
from taximeter_exporter.devices.reading import Device, ReadError, Source
from taximeter_exporter.devices.simulated import SimulatedSource

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30
"""So long the driver may take to start. One that is not kept loaded initializes its GPUs first, one after the other."""


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
    changing: bool
    """Whether devices may come and go while it is open."""


def open_source(wanted: DeviceChoice, *, simulate: bool, host_uuid: Callable[[], str], clock: Clock) -> Opened:
    """Simulated GPUs if asked for, else the driver's GPUs, else the host itself; logs which and why.

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
        opened = _in_time(_open_nvml)
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
    return Opened(source, source.devices(), changing=False)


def _open_nvml() -> Opened:
    source = NvmlSource()
    try:
        return Opened(source, source.devices(), changing=True)
    except ReadError:
        source.close()
        raise


def _in_time(open_it: Callable[[], Opened]) -> Opened:
    """What it opens, or `ReadError` if it takes too long.

    Nobody can end a call that hangs: its thread is left behind, and ends with the program.
    """
    outcome: Queue[Opened | Exception] = Queue()

    def attempt() -> None:
        try:
            outcome.put(open_it())
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=attempt, name="open the driver", daemon=True).start()
    try:
        result = outcome.get(timeout=PATIENCE_SECONDS)
    except Empty:
        raise ReadError(
            f"the NVIDIA driver has not listed its GPUs within {PATIENCE_SECONDS:g} s: a call to it hangs; see whether"
            " `nvidia-smi` answers, and load the driver anew or reboot"
        ) from None
    if isinstance(result, Exception):
        raise result
    return result
