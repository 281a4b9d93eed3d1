"""NVIDIA GPUs, through NVML and its binding `pynvml` (the distribution nvidia-ml-py).

NVML is safe to call from several threads, so each device can be read from a thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pynvml

from taximeter_exporter.devices import mig
from taximeter_exporter.devices.reading import Device, DeviceKind, Process, ReadError, Reading

_log = logging.getLogger(__name__)

_DRIVER_ABSENT = frozenset({pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED})

_ONLY_THIS_CALL = frozenset(
    {
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_INSUFFICIENT_SIZE,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)
"""Codes that say something of the call and nothing of the device. All others mean that the device is in trouble."""

# Beyond these a value is a sentinel or garbage: no board draws 100 kW, has 1 EiB or works outside these temperatures.
_POWER_MILLIWATTS = range(100_000_000)
_MEMORY_BYTES = range(2**60)
_ENERGY_MILLIJOULES = range(2**63)
_TEMPERATURE_CELSIUS = range(-50, 200)
_UTILIZATION_PERCENT = range(101)

_NO_NEW_SAMPLE = frozenset({pynvml.NVML_SUCCESS, pynvml.NVML_ERROR_NOT_FOUND})
"""What the binding raises where no process used the multiprocessors since the last time."""

_NO_INSTANCE = frozenset({pynvml.NVML_ERROR_NOT_FOUND})


class DriverAbsent(Exception):
    """There is no NVIDIA driver here; says what is missing."""


class NvmlSource:
    """The GPUs that the driver shows, and the MIG instances that they are divided into when they are listed.

    Raises `DriverAbsent` if there is no driver and `ReadError` if there is one that does not start (for instance after
    an update without a reboot).
    """

    def __init__(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            if error.value in _DRIVER_ABSENT:
                raise DriverAbsent(str(error)) from error
            raise ReadError(f"nvmlInit: {error}") from error
        self._handles: dict[str, Any] = {}
        self._sampled_us: dict[str, int] = {}

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`. A GPU that cannot be identified is left out with a warning."""
        found = dict(self._identified())
        self._handles |= {device.uuid: handle for device, handle in found.items()}
        return tuple(found)

    def _identified(self) -> Iterator[tuple[Device, Any]]:
        try:
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            raise ReadError(f"nvmlDeviceGetCount: {error}") from error
        driver_version = _driver_version()
        problems = []
        for index in range(count):
            try:
                handle = _handle(index)
                gpu = _identify(handle, index=index, driver_version=driver_version)
                yield from _divided(gpu, handle)
            except ReadError as error:
                _log.warning("GPU %d cannot be identified and is left out: %s", index, error)
                problems.append(f"GPU {index}: {error}")
        # a machine whose every GPU fails is not one without GPUs
        if problems and len(problems) == count:
            raise ReadError(f"no GPU can be identified: {'; '.join(problems)}")

    def read(self, device: Device) -> Reading:
        """See `Source.read`. What one GPU does not support is missing from its reading and costs nothing else."""
        if device.uuid not in self._handles:
            raise ReadError(f"{device.uuid} is not a GPU that was listed")
        gpu = _Gpu(self._handles[device.uuid])
        memory = gpu.memory()
        reading = Reading(
            utilization_ratio=gpu.utilization_ratio(),
            memory_used_bytes=memory.used,
            memory_free_bytes=memory.free,
            memory_total_bytes=memory.total,
            power_watts=_scaled(gpu.ask("nvmlDeviceGetPowerUsage"), _POWER_MILLIWATTS),
            power_limit_watts=_scaled(gpu.ask("nvmlDeviceGetEnforcedPowerLimit"), _POWER_MILLIWATTS),
            energy_joules=_scaled(gpu.ask("nvmlDeviceGetTotalEnergyConsumption"), _ENERGY_MILLIJOULES),
            temperature_celsius=gpu.temperature_celsius(),
            processes=self._processes(device, gpu),
        )
        if gpu.refused and not gpu.answered:
            raise ReadError(f"no call was answered; {gpu.refused}")
        return reading

    def _processes(self, device: Device, gpu: _Gpu) -> tuple[Process, ...] | None:
        """The compute processes, and where they are several how much each of them used the multiprocessors."""
        processes = gpu.processes()
        if processes is None or len(processes) < 2:
            return processes
        samples = gpu.process_samples(self._sampled_us.get(device.uuid, 0))
        if samples is None:
            return processes
        # a process that used nothing has no sample (nvmlDeviceGetProcessUtilization)
        percents = dict.fromkeys((process.pid for process in processes), 0)
        for sample in sorted(samples, key=lambda sample: sample.timeStamp):
            if sample.smUtil in _UTILIZATION_PERCENT:
                percents[sample.pid] = sample.smUtil
                self._sampled_us[device.uuid] = sample.timeStamp
        return tuple(replace(process, sm_percent=percents[process.pid]) for process in processes)

    def close(self) -> None:
        """See `Source.close`."""
        pynvml.nvmlShutdown()


class _Memory(NamedTuple):
    """In bytes."""

    used: int | None = None
    free: int | None = None
    total: int | None = None


class _Gpu:
    """Asks one GPU one thing after another, and keeps whether it answered at all."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.answered = False
        self.refused = ""

    def ask(self, call: str, *arguments: object, empty: frozenset[int] = frozenset()) -> Any:
        """The answer of a call, or `None` if this driver or GPU does not support it. Raises `ReadError`.

        `empty` are codes that say that there is nothing: the answer is then `()`.
        """
        try:
            # an older binding lacks the function as an older driver does
            function = getattr(pynvml, call, None)
            if function is None:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
            answer = function(self._handle, *arguments)
        except pynvml.NVMLError as error:
            if error.value in empty:
                self.answered = True
                return ()
            if error.value not in _ONLY_THIS_CALL:
                raise ReadError(f"{call}: {error}") from error
            self.refused = self.refused or f"{call}: {error}"
            return None
        self.answered = True
        return answer

    def utilization_ratio(self) -> float | None:
        """The share of NVML's last period in which a kernel ran."""
        rates = self.ask("nvmlDeviceGetUtilizationRates")
        percent = None if rates is None else _plausible(rates.gpu, _UTILIZATION_PERCENT)
        return None if percent is None else percent / 100

    def memory(self) -> _Memory:
        """In NVML's second version of it, which counts what the driver reserves apart, or else in the first."""
        info = self.ask("nvmlDeviceGetMemoryInfo", pynvml.nvmlMemory_v2)
        if info is None:
            info = self.ask("nvmlDeviceGetMemoryInfo")
        total = None if info is None else _plausible(info.total, _MEMORY_BYTES)
        if info is None or not total:
            return _Memory()
        within = range(total + 1)
        return _Memory(used=_plausible(info.used, within), free=_plausible(info.free, within), total=total)

    def temperature_celsius(self) -> float | None:
        """The GPU's temperature; the older call is deprecated, and the newer one is not in every driver."""
        celsius = self.ask("nvmlDeviceGetTemperatureV", pynvml.NVML_TEMPERATURE_GPU)
        if celsius is None:
            celsius = self.ask("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU)
        return _plausible(celsius, _TEMPERATURE_CELSIUS)

    def processes(self) -> tuple[Process, ...] | None:
        """The compute processes; drivers before 510 have the second version of the call only."""
        infos = self.ask("nvmlDeviceGetComputeRunningProcesses_v3")
        if infos is None:
            infos = self.ask("nvmlDeviceGetComputeRunningProcesses_v2")
        if infos is None:
            return None
        # the binding has turned "value not available" into None
        return tuple(
            Process(pid=info.pid, memory_used_bytes=_plausible(info.usedGpuMemory, _MEMORY_BYTES)) for info in infos
        )

    def in_mig_mode(self) -> bool:
        """Whether it is divided into instances now."""
        modes = self.ask("nvmlDeviceGetMigMode")
        return modes is not None and modes[0] == pynvml.NVML_DEVICE_MIG_ENABLE

    def process_samples(self, since_us: int) -> Any:
        """What processes used of the multiprocessors since a moment on the driver's clock; `None` if not supported."""
        return self.ask("nvmlDeviceGetProcessUtilization", since_us, empty=_NO_NEW_SAMPLE)


def _handle(index: int) -> Any:
    try:
        return pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        raise ReadError(f"nvmlDeviceGetHandleByIndex: {error}") from error


def _identify(handle: Any, *, index: int, driver_version: str | None) -> Device:
    gpu = _Gpu(handle)
    uuid = gpu.ask("nvmlDeviceGetUUID")
    if not uuid:
        raise ReadError(gpu.refused or "nvmlDeviceGetUUID: empty")
    return Device(
        uuid=_text(uuid),
        kind=DeviceKind.GPU,
        index=str(index),
        model=_text(gpu.ask("nvmlDeviceGetName") or "unknown"),
        driver_version=driver_version,
    )


def _divided(device: Device, handle: Any) -> Iterator[tuple[Device, Any]]:
    """A GPU or, if it is in MIG mode, what is left of it and its instances, each with its handle."""
    gpu = _Gpu(handle)
    if not gpu.in_mig_mode():
        yield device, handle
        return
    slices = gpu.ask("nvmlDeviceGetMaxMigDeviceCount") or mig.USUAL_SLICES
    handles: dict[str, Any] = {device.uuid: handle}
    instances = []
    for place in range(slices):
        instance_handle = gpu.ask("nvmlDeviceGetMigDeviceHandleByIndex", place, empty=_NO_INSTANCE) or None
        if instance_handle is None:
            continue
        instance = _instance(_Gpu(instance_handle), place)
        if instance is None:
            _log.warning("GPU %s: MIG instance %d cannot be identified and is left out", device.index, place)
            continue
        handles[instance.uuid] = instance_handle
        instances.append(instance)
    for part in mig.divide(device, instances, slices=slices):
        yield part, handles[part.uuid]


def _instance(gpu: _Gpu, place: int) -> mig.Instance | None:
    uuid = gpu.ask("nvmlDeviceGetUUID")
    profile = mig.profile(_text(gpu.ask("nvmlDeviceGetName") or ""))
    attributes = gpu.ask("nvmlDeviceGetAttributes_v2")
    slices = mig.slices(profile) if attributes is None else int(attributes.computeInstanceSliceCount)
    if not uuid or not slices:
        return None
    return mig.Instance(uuid=_text(uuid), place=place, profile=profile, slices=slices)


def _driver_version() -> str | None:
    try:
        return _text(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    """Older bindings answer bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _plausible(value: int | None, possible: range) -> int | None:
    return value if value is not None and value in possible else None


def _scaled(thousandths: int | None, possible: range) -> float | None:
    """Milliwatts as watts, millijoules as joules."""
    value = _plausible(thousandths, possible)
    return None if value is None else value / 1000
