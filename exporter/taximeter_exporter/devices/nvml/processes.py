"""The compute processes on a GPU, and how much each of them uses it."""

from __future__ import annotations

from typing import Any

import pynvml

from taximeter_exporter.devices.nvml import possible
from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.direct import Table, function
from taximeter_exporter.devices.reading import Process

_NOT_AVAILABLE = 2**64 - 1
"""NVML_VALUE_NOT_AVAILABLE: the driver does not know a process's memory."""


class ProcessList:
    """The processes of one GPU; remembers up to when they have been sampled."""

    def __init__(self) -> None:
        # pid, usedGpuMemory, gpuInstanceId, computeInstanceId
        self._infos = Table("=I4xQII")
        # pid, timeStamp, smUtil, memUtil, encUtil, decUtil
        self._samples = Table("=I4xQIIII")
        self._sampled_us = 0

    def read(self, gpu: Gpu) -> tuple[Process, ...] | None:
        """The compute processes, and how much each of them used the multiprocessors; `None` if they are not known."""
        infos = self._running(gpu)
        if not infos:
            return None if infos is None else ()
        percents = self._sm_percents(gpu)
        return tuple(
            Process(
                pid=pid,
                memory_used_bytes=None if used == _NOT_AVAILABLE else _bytes(gpu, used),
                # a process that used nothing has no sample (nvmlDeviceGetProcessUtilization)
                sm_percent=None if percents is None else percents.get(pid, 0),
            )
            for pid, used, _, _ in infos
        )

    def _running(self, gpu: Gpu) -> list[tuple[Any, ...]] | None:
        """Drivers before 510 have the second version of the call only."""
        for call in ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"):
            infos = gpu.ask(call, by=lambda handle, call=call: self._fill(handle, call))
            if infos is not None:
                return list(infos)
        return None

    def _fill(self, handle: Any, call: str) -> list[tuple[Any, ...]]:
        ask = function(call)
        return list(self._infos.filled(lambda array, count: ask(handle, count, array)))

    def _sm_percents(self, gpu: Gpu) -> dict[int, int | None] | None:
        call = "nvmlDeviceGetProcessUtilization"
        samples = gpu.ask(call, by=lambda handle: self._fill_samples(handle, call))
        if samples is None:
            return None
        percents: dict[int, int | None] = {}
        for pid, timestamp_us, sm_percent, *_ in sorted(samples, key=lambda sample: int(sample[1])):
            if gpu.possible("process_sm_utilization_ratio", sm_percent, possible.PERCENT) is None:
                percents.setdefault(pid, None)
            else:
                percents[pid] = sm_percent
                self._sampled_us = timestamp_us
        return percents

    def _fill_samples(self, handle: Any, call: str) -> list[tuple[Any, ...]]:
        ask, since = function(call), pynvml.c_ulonglong(self._sampled_us)
        # NOT_FOUND: no process used the multiprocessors since the last time
        filled = self._samples.filled(
            lambda array, count: ask(handle, array, count, since), empty=pynvml.NVML_ERROR_NOT_FOUND
        )
        return list(filled)


def _bytes(gpu: Gpu, used: int) -> int | None:
    return gpu.possible("process_memory_used_bytes", used, possible.BYTES)
