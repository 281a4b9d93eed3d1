"""Many values in one call (nvmlDeviceGetFieldValues), each with a code of its own."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.direct import check, function

_CALL = "nvmlDeviceGetFieldValues"

ALL_LINKS = 2**32 - 1
"""The scope of a field that counts over all NVLinks."""


class Field(NamedTuple):
    """What to ask for."""

    id: int
    scope: int = 0
    wide: bool = False
    """Of use only with 64 bits: what counts bytes in 32 begins anew more often than it is read."""


# c_nvmlFieldValue_t: fieldId, scopeId, timestamp, latencyUsec, valueType, nvmlReturn, value
_LAYOUT = struct.Struct("=IIqqII8s")
_VALUES = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: struct.Struct("=d"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: struct.Struct("=I4x"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: struct.Struct("=Q"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: struct.Struct("=Q"),
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: struct.Struct("=q"),
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: struct.Struct("=i4x"),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: struct.Struct("=H6x"),
}
_WIDE = frozenset(
    {
        pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG,
        pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG,
        pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG,
    }
)


class Fields:
    """The values of so many fields of one GPU; those that it does not support are not asked for again."""

    def __init__(self, wanted: Iterable[Field]) -> None:
        self._wanted = tuple(wanted)
        self._ask(self._wanted)

    def ask_all_again(self) -> None:
        """From the next reading on, ask also for what was not supported."""
        if self._asked != self._wanted:
            self._ask(self._wanted)

    def read(self, gpu: Gpu) -> Mapping[Field, int]:
        """The values that there are; whole ones, as all of these fields are."""
        if not self._asked or gpu.ask_besides(_CALL, by=self._fill) is None:
            return {}
        values = {}
        answers = _LAYOUT.iter_unpack(self._array)
        for field, (_, _, _, _, value_type, code, raw) in zip(self._asked, answers, strict=True):
            if code == pynvml.NVML_SUCCESS and value_type in (_WIDE if field.wide else _VALUES):
                (value,) = _VALUES[value_type].unpack(raw)
                if math.isfinite(value):
                    values[field] = int(value)
        if len(values) < len(self._asked):
            self._ask(tuple(values))
        return values

    def _ask(self, fields: tuple[Field, ...]) -> None:
        self._asked = fields
        # used again at each reading: to fill one in takes longer than to call NVML
        self._array = (pynvml.c_nvmlFieldValue_t * len(fields))()
        for place, field in enumerate(fields):
            self._array[place].fieldId, self._array[place].scopeId = field.id, field.scope

    def _fill(self, handle: Any) -> bool:
        check(function(_CALL)(handle, ctypes.c_int32(len(self._asked)), ctypes.byref(self._array)))
        return True
