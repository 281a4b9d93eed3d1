"""Many values in one call (nvmlDeviceGetFieldValues), each with a code of its own."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu

ALL_LINKS = 2**32 - 1
"""The scope of a field that counts over all NVLinks."""


class Field(NamedTuple):
    """What to ask for."""

    id: int
    scope: int = 0


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


class Fields:
    """The values of so many fields of one GPU; those that it does not support are not asked for again."""

    def __init__(self, wanted: Iterable[Field]) -> None:
        self._wanted = self._asked = tuple(wanted)

    def ask_all_again(self) -> None:
        """From the next reading on, ask also for what was not supported."""
        self._asked = self._wanted

    def read(self, gpu: Gpu) -> Mapping[Field, int]:
        """The values that there are; whole ones, as all of these fields are."""
        if not self._asked:
            return {}
        answer = gpu.ask_besides("nvmlDeviceGetFieldValues", varying=(self._asked,))
        if answer is None:
            return {}
        values = {}
        for field_id, scope, _, _, value_type, code, raw in _LAYOUT.iter_unpack(answer):
            if code == pynvml.NVML_SUCCESS and value_type in _VALUES:
                values[Field(field_id, scope)] = int(_VALUES[value_type].unpack(raw)[0])
        if len(values) < len(self._asked):
            self._asked = tuple(values)
        return values
