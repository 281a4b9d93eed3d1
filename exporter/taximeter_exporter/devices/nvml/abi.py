"""What goes to NVML and comes back, as plain values: numbers, strings, lists and, for pointers, names of handles."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping
from typing import Any

ENTRIES: Mapping[str, struct.Struct] = {
    "nvmlDeviceGetComputeRunningProcesses_v3": struct.Struct("=I4xQII"),
    "nvmlDeviceGetComputeRunningProcesses_v2": struct.Struct("=I4xQII"),
    "nvmlDeviceGetProcessUtilization": struct.Struct("=I4xQIIII"),
    "nvmlDeviceGetSamples": struct.Struct("=QI4x"),
}
"""The calls that fill a list in plain memory, and the layout of an entry; a PID, where there is one, comes first."""


def address(pointer: Any) -> int:
    """Where a pointer points to."""
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


class Handles:
    """Names for the addresses that NVML hands out: `handle 0`, `handle 1`, … in the order in which they are seen."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def name(self, address: int) -> str:
        """The same for the same address."""
        return self._names.setdefault(address, f"handle {len(self._names)}")


def target(argument: Any) -> Any:
    """What an argument points to: the buffer that NVML fills in; `None` for one that is passed by its value."""
    found = getattr(argument, "_obj", argument)
    return found if found is not argument or isinstance(found, ctypes.Array) else None


def given(argument: Any, handles: Handles) -> Any:
    """An argument that is passed by its value, in plain; `None` for a buffer and for a moment in time (64 bits)."""
    if target(argument) is not None or isinstance(argument, ctypes.c_ulonglong):
        return None
    return plain(argument, handles)


def plain(value: Any, handles: Handles) -> Any:
    """A value of C, of whatever type, in plain. What is a union is its bytes; a string of C's is left out."""
    for kind, read in _READ.items():
        if isinstance(value, kind):
            return read(value, handles)
    return value if isinstance(value, (int, float)) else None


def entries(buffer: Any, layout: struct.Struct, count: int) -> list[list[int]]:
    """The first so many entries of a list in plain memory."""
    whole = min(count, ctypes.sizeof(buffer) // layout.size) * layout.size
    return [list(entry) for entry in layout.iter_unpack(memoryview(buffer).cast("B")[:whole])]


def _structure(value: Any, handles: Handles) -> dict[str, Any]:
    found = {name: plain(getattr(value, name), handles) for name, *_ in value._fields_}
    if "numMetrics" in found:
        # room for all metrics that there are, of which so many were asked for
        found["metrics"] = found["metrics"][: found["numMetrics"]]
    return found


def _array(value: Any, handles: Handles) -> Any:
    if issubclass(value._type_, ctypes.c_char):
        return value.value.decode(errors="replace")
    return [plain(entry, handles) for entry in value]


_READ: Mapping[Any, Callable[[Any, Handles], Any]] = {
    ctypes.POINTER(ctypes.c_int).__mro__[1]: lambda value, handles: handles.name(address(value)),
    (ctypes.c_char_p, ctypes.c_void_p): lambda _value, _handles: None,
    ctypes.c_int.__mro__[1]: lambda value, _: value.value,
    ctypes.Union: lambda value, _: bytes(value).hex(),
    ctypes.Structure: _structure,
    ctypes.Array: _array,
}
"""How a value of each kind is read; the first that it is one of."""
