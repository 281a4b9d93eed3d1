"""NVML itself: started, shut down, and started anew when the driver was unloaded under it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pynvml

from taximeter_exporter.devices.reading import ReadError

_DRIVER_ABSENT = frozenset({pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED})
_QUIET_SECONDS = 1.0
"""So long `restart` waits for a moment in which no call is under way."""


class DriverAbsent(Exception):
    """There is no NVIDIA driver here; says what is missing."""


class Library:
    """NVML, which any number of threads may call, but not while it is being shut down: `use` sees to that.

    Raises `DriverAbsent` if there is no driver and `ReadError` if there is one that does not start (for instance after
    an update without a reboot).
    """

    def __init__(self) -> None:
        _initialize()
        self._out_of_use: str | None = None
        """Why it cannot be called now."""
        self._closed = False
        self._calls = 0
        self._changed = threading.Condition()

    @contextmanager
    def use(self) -> Iterator[None]:
        """Call NVML. Never waits; raises `ReadError` while it is not started."""
        with self._changed:
            if self._out_of_use is not None:
                raise ReadError(self._out_of_use)
            self._calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    def restart(self, forget_handles: Callable[[], None]) -> None:
        """Shut it down and start it anew; between the two every handle becomes void.

        Raises `ReadError` if a call hangs in it (then it goes on as it was), or if the driver does not start.
        """
        with self._changed:
            if self._closed:
                raise ReadError("NVML was shut down: Uninitialized")
            if not self._changed.wait_for(lambda: self._calls == 0, timeout=_QUIET_SECONDS):
                raise ReadError("NVML is not started anew while a call hangs in it")
            self._out_of_use = "the NVIDIA driver is being opened anew"
        forget_handles()
        # what was unloaded may refuse to be shut down
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()
        try:
            _initialize()
        except (DriverAbsent, ReadError) as problem:
            self._out_of_use = f"the NVIDIA driver does not answer: {problem}"
            raise ReadError(self._out_of_use) from problem
        self._out_of_use = None

    def close(self) -> None:
        """Shut it down; left to the end of the process while a call hangs in it."""
        with self._changed:
            is_quiet = self._out_of_use is None and not self._calls
            self._closed, self._out_of_use = True, "NVML was shut down"
        if is_quiet:
            pynvml.nvmlShutdown()


def _initialize() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if error.value in _DRIVER_ABSENT:
            raise DriverAbsent(str(error)) from error
        if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
            raise ReadError(
                f"nvmlInit: {error}; after an update of the driver load it anew or reboot, then restart the exporter"
            ) from error
        raise ReadError(f"nvmlInit: {error}") from error
