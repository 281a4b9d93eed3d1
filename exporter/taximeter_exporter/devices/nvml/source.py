"""NVIDIA GPUs, through NVML and its binding `pynvml` (the distribution nvidia-ml-py).

NVML is safe to call from several threads, so each device can be read from a thread of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from taximeter_exporter.devices.nvml.asking import Asker
from taximeter_exporter.devices.nvml.bus import KERNEL_GPUS, Bus
from taximeter_exporter.devices.nvml.library import Library
from taximeter_exporter.devices.nvml.listing import Lister, Listing
from taximeter_exporter.devices.nvml.reader import DeviceReader
from taximeter_exporter.devices.reading import Device, ReadError, Reading

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30
"""So long the driver may take to start, or to say how many GPUs it has."""


class NvmlSource:
    """The GPUs that the driver shows, and the MIG instances that they are divided into when they are listed.

    Raises `DriverAbsent` if there is no driver and `ReadError` if there is one that does not start (for instance after
    an update without a reboot), or not in time.
    """

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns, *, kernel_gpus: Path = KERNEL_GPUS) -> None:
        self._monotonic_ns = monotonic_ns
        self._bus = Bus(kernel_gpus)
        driver: Asker[str, Any] = Asker(patience_seconds=PATIENCE_SECONDS)
        self._library: Library = driver.ask_one("start", Library)
        self._lister = Lister(self._library, driver)
        self._starts = 1
        """How often NVML was started."""
        self._readers: dict[str, DeviceReader] = {}
        self._handles: dict[str, Any] = {}
        self._listing = Listing()

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`. A GPU that cannot be identified is left out with a warning.

        Every handle is looked up anew. NVML is started anew before, if the kernel shows other GPUs than when it was
        started, and if nothing answers: then the driver may have been unloaded and loaded again.
        """
        if self._bus.has_changed():
            self._restart()
        listing = None
        with suppress(ReadError):
            listing = self._lister.list()
        if listing is None or listing.is_mute:
            self._restart()
            listing = self._lister.list()
        if listing.problems != self._listing.problems:
            for problem in listing.problems:
                _log.warning("%s", problem)
        self._listing = listing
        self._handles = {device.uuid: handle for device, handle in listing.handles.items()}
        self._forget_instances()
        return tuple(listing.handles)

    @property
    def unidentified(self) -> Mapping[int, str]:
        """The GPUs of which nothing but the index is known, and why, as they were listed last."""
        return self._listing.unidentified

    def unmetered(self, known: int) -> str | None:
        """What there is to say if the driver shows more than the so many GPUs that are known."""
        unknown = self._listing.count - known
        if unknown <= 0:
            return None
        return f"{unknown} of {self._listing.count} GPUs not metered: {'; '.join(self._listing.problems)}"

    def read(self, device: Device) -> Reading:
        """See `Source.read`. What one GPU does not support is missing from its reading and costs nothing else."""
        with self._library.use():
            handle = self._handles.get(device.uuid)
            if handle is None:
                raise ReadError("; ".join(("the driver does not show it", *self._listing.problems)))
            reader = self._readers.get(device.uuid)
            if reader is None:
                reader = self._readers[device.uuid] = DeviceReader(self._monotonic_ns)
            return reader.read(device, handle, driver=self._starts)

    def close(self) -> None:
        """See `Source.close`."""
        with suppress(ReadError), self._library.use():
            for reader in self._readers.values():
                reader.close()
        self._library.close()

    def _forget_instances(self) -> None:
        """MIG instances come and go with UUIDs of their own; what was counted of a GPU is kept until it is back."""
        with suppress(ReadError), self._library.use():
            for uuid, reader in list(self._readers.items()):
                if uuid not in self._handles and reader.is_of_instance:
                    del self._readers[uuid]
                    reader.close()

    def _restart(self) -> None:
        with suppress(ReadError):  # as long as a call hangs in it, it goes on as it was
            self._library.restart(self._forget_handles)
            self._bus.nvml_started()
            self._starts += 1

    def _forget_handles(self) -> None:
        self._handles.clear()
        self._lister.forget()
