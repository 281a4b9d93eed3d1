"""The compute processes on a GPU, and how much each of them uses it."""

from __future__ import annotations

from dataclasses import replace

import pynvml

from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.readings import MEMORY_BYTES, UTILIZATION_PERCENT, plausible
from taximeter_exporter.devices.reading import Device, Process

_NO_NEW_SAMPLE = frozenset({pynvml.NVML_SUCCESS, pynvml.NVML_ERROR_NOT_FOUND})
"""What the binding raises where no process used the multiprocessors since the last time."""


class ProcessList:
    """Remembers up to when the processes of each GPU have been sampled."""

    def __init__(self) -> None:
        self._sampled_us: dict[str, int] = {}

    def read(self, device: Device, gpu: Gpu) -> tuple[Process, ...] | None:
        """The compute processes, and where they are several how much each of them used the multiprocessors."""
        processes = _running(gpu)
        if processes is None or len(processes) < 2:
            return processes
        since_us = self._sampled_us.get(device.uuid, 0)
        samples = gpu.ask("nvmlDeviceGetProcessUtilization", since_us, empty=_NO_NEW_SAMPLE)
        if samples is None:
            return processes
        # a process that used nothing has no sample (nvmlDeviceGetProcessUtilization)
        percents = dict.fromkeys((process.pid for process in processes), 0)
        for sample in sorted(samples, key=lambda sample: sample.timeStamp):
            if sample.smUtil in UTILIZATION_PERCENT:
                percents[sample.pid] = sample.smUtil
                self._sampled_us[device.uuid] = sample.timeStamp
        return tuple(replace(process, sm_percent=percents[process.pid]) for process in processes)


def _running(gpu: Gpu) -> tuple[Process, ...] | None:
    """Drivers before 510 have the second version of the call only."""
    infos = gpu.ask("nvmlDeviceGetComputeRunningProcesses_v3")
    if infos is None:
        infos = gpu.ask("nvmlDeviceGetComputeRunningProcesses_v2")
    if infos is None:
        return None
    # the binding has turned "value not available" into None
    return tuple(Process(pid=info.pid, memory_used_bytes=plausible(info.usedGpuMemory, MEMORY_BYTES)) for info in infos)
