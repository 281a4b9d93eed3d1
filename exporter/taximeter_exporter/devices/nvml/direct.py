"""Calls that are made past the binding's own functions: those ask twice, convert each entry, or do not try again.

Layouts are those of the binding's structures (`c_nvmlProcessInfo_v2_t` and so on).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pynvml

_TRIES = 4
"""A list that has grown again each time so often is given up until the next reading."""


def function(name: str) -> Callable[..., int]:
    """A function of the library. Raises `NVMLError` if the library lacks it."""
    found: Callable[..., int] = pynvml._nvmlGetFunctionPointer(name)
    return found


def check(code: int) -> None:
    """Raises `NVMLError` unless the code is success."""
    if code != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(code)


class Table:
    """Room for the entries of a list that NVML fills in; it grows with the list and is used again."""

    def __init__(self, layout: str, *, room: int = 32) -> None:
        self._layout = struct.Struct(layout)
        self._resize(room)

    def filled(self, fill: Callable[[Any, Any], int], *, empty: int = pynvml.NVML_SUCCESS) -> Iterator[tuple[Any, ...]]:
        """The entries, as the layout has them. `fill` calls NVML with the array and a reference to its length.

        `empty` is the code that says that there are none. Raises `NVMLError`: with INSUFFICIENT_SIZE if the list grows
        faster than the room for it.
        """
        for _ in range(_TRIES):
            count = ctypes.c_uint(self._room)
            code = fill(self._array, ctypes.byref(count))
            if code != pynvml.NVML_ERROR_INSUFFICIENT_SIZE:
                break
            self._resize(max(self._room, count.value * 2))
        if code == empty != pynvml.NVML_SUCCESS:
            return iter(())
        check(code)
        return self._layout.iter_unpack(memoryview(self._array)[: count.value * self._layout.size])

    def _resize(self, room: int) -> None:
        self._room = room
        self._array = ctypes.create_string_buffer(room * self._layout.size)
