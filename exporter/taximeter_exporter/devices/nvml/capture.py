"""Records what NVML answers to every call that a source makes, so that a test can give the same answers again.

Nothing that names a machine, a GPU or a person is kept: UUIDs and PIDs become others, the same for the same, and of all
other strings only the model and the driver's version stay. Of a call that `nameless.py` lacks only the code is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pynvml

from taximeter_exporter.devices.nvml import abi
from taximeter_exporter.devices.nvml.nameless import NAMELESS
from taximeter_exporter.devices.nvml.source import NvmlSource
from taximeter_exporter.devices.reading import ReadError

FORMAT = 1
_STRINGS_KEPT = frozenset({"nvmlDeviceGetName", "nvmlSystemGetDriverVersion"})
_PIDS_FROM = 1000
_FAKE = "taximeter_fake_nvml"
"""Only the library that tests use has this symbol: what it answers must never pass for a real GPU's."""


class Pseudonyms:
    """Names that stand for others, the same one for the same."""

    def __init__(self) -> None:
        self._uuids: dict[str, str] = {}
        self._pids: dict[int, int] = {}

    def uuid(self, uuid: str) -> str:
        """`GPU-00000000-0000-0000-0000-000000000001` and so on; `MIG-…` for a MIG instance's."""
        kind = "MIG" if uuid.startswith("MIG") else "GPU"
        return self._uuids.setdefault(uuid, f"{kind}-00000000-0000-0000-0000-{len(self._uuids) + 1:012d}")

    def pid(self, pid: int) -> int:
        """1001 and so on."""
        return self._pids.setdefault(pid, _PIDS_FROM + len(self._pids) + 1)


class Recorder:
    """Keeps every call that goes to NVML while it listens. For one thread."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self._handles = abi.Handles()
        self._pseudonyms = Pseudonyms()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Every function that the binding looks up, by whomever, is one that records."""
        look_up = pynvml._nvmlGetFunctionPointer
        pynvml._nvmlGetFunctionPointer = lambda name: self._recording(name, look_up)
        try:
            yield
        finally:
            pynvml._nvmlGetFunctionPointer = look_up

    def _recording(self, name: str, look_up: Callable[[str], Any]) -> Any:
        try:
            function = look_up(name)
        except pynvml.NVMLError as error:
            self.calls.append({"call": name, "missing": error.value})
            raise
        # the one function that answers no code
        return function if name == "nvmlErrorString" else lambda *arguments: self._call(name, function, arguments)

    def _call(self, name: str, function: Any, arguments: tuple[Any, ...]) -> int:
        given = [abi.given(argument, self._handles) for argument in arguments]
        code = int(function(*arguments))
        call: dict[str, Any] = {"call": name, "given": given, "code": code}
        if name not in NAMELESS:
            call["given"] = "withheld"
        elif code == pynvml.NVML_SUCCESS:
            call["answer"] = self._answer(name, [abi.target(argument) for argument in arguments])
        elif code == pynvml.NVML_ERROR_INSUFFICIENT_SIZE:
            call["answer"] = self._answer("", [abi.target(argument) for argument in arguments])
        self.calls.append(call)
        return code

    def _answer(self, name: str, buffers: list[Any]) -> list[Any]:
        layout = abi.ENTRIES.get(name)
        answers = [None if buffer is None else abi.plain(buffer, self._handles) for buffer in buffers]
        if layout is not None:
            # the list's length is the last number that is filled in besides
            count = [answer for answer in answers if isinstance(answer, int)][-1]
            return [
                self._entries(name, abi.entries(buffer, layout, count)) if isinstance(answer, str) else answer
                for buffer, answer in zip(buffers, answers, strict=True)
            ]
        return [self._string(name, answer) if isinstance(answer, str) else answer for answer in answers]

    def _entries(self, name: str, entries: list[list[int]]) -> list[list[int]]:
        if "Process" not in name:
            return entries
        return [[self._pseudonyms.pid(pid), *rest] for pid, *rest in entries]

    def _string(self, name: str, text: str) -> str:
        if text.startswith("handle ") or name in _STRINGS_KEPT:
            return text
        return self._pseudonyms.uuid(text) if name == "nvmlDeviceGetUUID" else ""


def capture(*, samples: int, wait: Callable[[], None], monotonic_ns: Callable[[], int]) -> Mapping[str, Any]:
    """Read all GPUs so many times, `wait` between, and give back all calls with their answers, as JSON can have them.

    Raises `DriverAbsent`, or `ReadError` if the GPUs cannot be listed. A GPU that fails is a part of the capture.
    """
    recorder = Recorder()
    began_ns = monotonic_ns()
    moments: list[int] = []
    with recorder.listening():
        source = NvmlSource(lambda: moments[-1] if moments else 0)
        try:
            devices = source.devices()
            for number in range(samples):
                if number:
                    wait()
                moments.append(monotonic_ns() - began_ns)
                recorder.calls.append({"sample": number, "at_ns": moments[-1]})
                for device in devices:
                    try:
                        source.read(device)
                    except ReadError:
                        continue
        finally:
            source.close()
    fake = hasattr(pynvml.nvmlLib, _FAKE)
    return {"format": FORMAT, "fake": fake, "calls": recorder.calls}
