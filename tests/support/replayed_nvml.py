"""Answers NVML's calls as a capture says (`taximeter-exporter capture`), through the real binding."""

from __future__ import annotations

import ctypes
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pynvml
import pytest
from taximeter_exporter.devices.nvml import NvmlSource, abi
from taximeter_exporter.devices.reading import ReadError, Reading, Sample

_APART = 16


class _Handles(abi.Handles):
    """The addresses that a replay hands out tell which handle they are."""

    def name(self, address: int) -> str:
        return f"handle {address // _APART - 1}"


def _address(name: str) -> int:
    return (int(name.removeprefix("handle ")) + 1) * _APART


class Replay:
    """Of each call with the same arguments the answers in their order, and then the last one again and again."""

    def __init__(self, calls: Sequence[Mapping[str, Any]]) -> None:
        self._missing = {call["call"]: call["missing"] for call in calls if "missing" in call}
        self._answers: dict[str, deque[Mapping[str, Any]]] = defaultdict(deque)
        self._names = {call["call"] for call in calls if "code" in call}
        for call in calls:
            if "code" in call:
                self._answers[f"{call['call']} {call['given']}"].append(call)
        self._handles = _Handles()

    def look_up(self, name: str) -> Callable[..., int]:
        """A function of the library. Raises `NVMLError` where the captured one lacked it, or was not asked for it."""
        if name not in self._names:
            raise pynvml.NVMLError(self._missing.get(name, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND))
        return lambda *arguments: self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Any, ...]) -> int:
        answers = self._answers.get(f"{name} {[abi.given(argument, self._handles) for argument in arguments]}")
        if not answers:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        call = answers.popleft() if len(answers) > 1 else answers[0]
        if "answer" in call:
            for argument, answer in zip(arguments, call["answer"], strict=True):
                if answer is not None:
                    _fill(abi.target(argument), answer, name)
        return int(call["code"])


def _fill(buffer: Any, answer: Any, name: str) -> None:
    """Put plain values where NVML would have put them."""
    if isinstance(answer, dict):
        for field, *_ in buffer._fields_:
            if answer.get(field) is not None:
                _fill_field(buffer, field, answer[field])
    elif isinstance(answer, list) and name in abi.ENTRIES:
        layout = abi.ENTRIES[name]
        for place, entry in enumerate(answer):
            layout.pack_into(buffer, place * layout.size, *entry)
    elif isinstance(answer, list) and answer and "fieldId" in answer[0]:
        known = {(entry["fieldId"], entry["scopeId"]): entry for entry in answer}
        for entry in buffer:
            unknown = {"nvmlReturn": pynvml.NVML_ERROR_NOT_SUPPORTED}
            _fill(entry, known.get((entry.fieldId, entry.scopeId), unknown), "")
    elif isinstance(answer, list):
        for place, entry in enumerate(answer):
            _fill(buffer[place], entry, "")
    elif isinstance(answer, str) and isinstance(buffer, ctypes.Array):
        buffer.value = answer.encode()
    elif isinstance(answer, str):
        ctypes.memmove(ctypes.byref(buffer), ctypes.byref(ctypes.c_void_p(_address(answer))), ctypes.sizeof(buffer))
    else:
        buffer.value = answer


def _fill_field(structure: Any, field: str, answer: Any) -> None:
    if isinstance(answer, (dict, list)):
        _fill(getattr(structure, field), answer, "")
    elif isinstance(answer, str):
        place = ctypes.addressof(structure) + getattr(type(structure), field).offset
        raw = _address(answer).to_bytes(8, "little") if answer.startswith("handle ") else bytes.fromhex(answer)
        ctypes.memmove(place, raw, len(raw))
    else:
        setattr(structure, field, answer)


def replayed(capture: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """What the source says of the captured devices in the last sample."""
    monkeypatch.setattr(pynvml, "_LoadNvmlLibrary", lambda: None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer", Replay(capture["calls"]).look_up)
    return samples_of([call["at_ns"] for call in capture["calls"] if "sample" in call])


def samples_of(moments_ns: Sequence[int]) -> list[Sample]:
    """What the source says of all devices at the last of these moments, having read them at each."""
    now: list[int] = []
    source = NvmlSource(lambda: now[-1] if now else 0)
    try:
        devices = source.devices()
        readings: dict[str, Reading] = {}
        for moment_ns in moments_ns:
            now.append(moment_ns)
            readings = {}
            for device in devices:
                with suppress(ReadError):
                    readings[device.uuid] = source.read(device)
    finally:
        source.close()
    return [
        Sample(device=device, reading=reading, xid_errors=reading.xid_errors if reading else {})
        for device, reading in ((device, readings.get(device.uuid)) for device in devices)
    ]
