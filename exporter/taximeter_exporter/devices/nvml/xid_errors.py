"""XID errors: what the driver reports of a GPU in trouble, as events."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.direct import check, function

_WAIT = "nvmlEventSetWait_v2"
_AT_ONCE = 100
"""So many events are taken in one reading at most; the others wait for the next."""


class XidErrors:
    """Of one GPU, in an event set of its own, so that each is asked in its own thread and none waits for another.

    The driver keeps events until they are asked for, so that asking without waiting at each reading misses none.
    """

    def __init__(self) -> None:
        self._set: Any = None
        self._counted: dict[int, int] = {}
        self.counted: Mapping[int, int] = {}
        """How many there were of each code since the first reading, the latest code last; never changed once handed
        out."""

    def read(self, gpu: Gpu) -> Mapping[int, int]:
        """How many there were of each code since the first reading."""
        if self._set is None:
            self._set = self._register(gpu)
        if self._set is None:
            return self.counted
        for _ in range(_AT_ONCE):
            event = gpu.ask_besides(_WAIT, by=self._take)
            if not event:
                break
            if event.eventType == pynvml.nvmlEventTypeXidCriticalError:
                code = int(event.eventData)
                self._counted[code] = self._counted.pop(code, 0) + 1
                self.counted = dict(self._counted)
        return self.counted

    def forget(self) -> None:
        """The driver is another one: its event set went with it."""
        self._set = None

    def close(self) -> None:
        """Free the event set."""
        if self._set is not None:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlEventSetFree(self._set)
        self._set = None

    def _take(self, _: Any) -> Any:
        """The next event, or `()`: that there is none is told nearly always, and so not by an exception."""
        event = pynvml.c_nvmlEventData_t()
        code = function(_WAIT)(self._set, ctypes.byref(event), ctypes.c_uint(0))
        if code == pynvml.NVML_ERROR_TIMEOUT:
            return ()
        check(code)
        return event

    def _register(self, gpu: Gpu) -> Any:
        types = gpu.ask_besides("nvmlDeviceGetSupportedEventTypes")
        if types is None:
            return None
        if not types & pynvml.nvmlEventTypeXidCriticalError:
            gpu.give_up("nvmlDeviceGetSupportedEventTypes", "no XID errors")
            return None
        made = gpu.ask_besides("nvmlEventSetCreate", by=lambda _: pynvml.nvmlEventSetCreate())
        if made is None:
            return None
        wanted = (pynvml.nvmlEventTypeXidCriticalError, made)
        registered = gpu.ask_besides("nvmlDeviceRegisterEvents", varying=wanted, by=_register)
        if registered is None:
            pynvml.nvmlEventSetFree(made)
            return None
        return made


def _register(handle: Any, types: int, event_set: Any) -> bool:
    pynvml.nvmlDeviceRegisterEvents(handle, types, event_set)
    return True
