"""Which GPUs and MIG instances the driver shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pynvml

from taximeter_exporter.devices import mig
from taximeter_exporter.devices.nvml.calls import Gpu, text
from taximeter_exporter.devices.reading import Device, DeviceKind, ReadError

_NO_INSTANCE = frozenset({pynvml.NVML_ERROR_NOT_FOUND})


class Listing(NamedTuple):
    """What the driver shows at one moment."""

    handles: dict[Device, Any]
    """Every device with its handle."""
    problems: tuple[str, ...]
    """What cannot be identified and is left out, and why."""


def listed() -> Listing:
    """Every device, looked up anew. Raises `ReadError` if there are GPUs and none can be identified."""
    try:
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        raise ReadError(f"nvmlDeviceGetCount: {error}") from error
    driver_version = _driver_version()
    handles: dict[Device, Any] = {}
    problems: list[str] = []
    reasons = []
    for index in range(count):
        try:
            handle = _handle(index)
            gpu = _identify(handle, index=index, driver_version=driver_version)
            handles |= _divided(gpu, handle, problems)
        except ReadError as error:
            problems.append(f"GPU {index} cannot be identified and is left out: {error}")
            reasons.append(f"GPU {index}: {error}")
    # a machine whose every GPU fails is not one without GPUs
    if reasons and len(reasons) == count:
        raise ReadError(f"no GPU can be identified: {'; '.join(reasons)}")
    return Listing(handles, tuple(problems))


def _in_mig_mode(gpu: Gpu) -> bool:
    """Whether it is divided into instances now."""
    modes = gpu.ask("nvmlDeviceGetMigMode")
    return modes is not None and modes[0] == pynvml.NVML_DEVICE_MIG_ENABLE


def _handle(index: int) -> Any:
    try:
        return pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        raise ReadError(f"nvmlDeviceGetHandleByIndex: {error}") from error


def _identify(handle: Any, *, index: int, driver_version: str | None) -> Device:
    gpu = Gpu(handle)
    uuid = gpu.ask("nvmlDeviceGetUUID")
    if not uuid:
        raise ReadError(gpu.refused or "nvmlDeviceGetUUID: empty")
    return Device(
        uuid=text(uuid),
        kind=DeviceKind.GPU,
        index=str(index),
        model=text(gpu.ask("nvmlDeviceGetName") or "unknown"),
        driver_version=driver_version,
    )


def _divided(device: Device, handle: Any, problems: list[str]) -> Iterator[tuple[Device, Any]]:
    """A GPU or, if it is in MIG mode, what is left of it and its instances, each with its handle."""
    gpu = Gpu(handle)
    if not _in_mig_mode(gpu):
        yield device, handle
        return
    slices = gpu.ask("nvmlDeviceGetMaxMigDeviceCount") or mig.USUAL_SLICES
    handles: dict[str, Any] = {device.uuid: handle}
    instances = []
    for place in range(slices):
        instance_handle = gpu.ask("nvmlDeviceGetMigDeviceHandleByIndex", place, empty=_NO_INSTANCE) or None
        if instance_handle is None:
            continue
        instance = _instance(Gpu(instance_handle), place)
        if instance is None:
            problems.append(f"GPU {device.index}: MIG instance {place} cannot be identified and is left out")
            continue
        handles[instance.uuid] = instance_handle
        instances.append(instance)
    for part in mig.divide(device, instances, slices=slices):
        yield part, handles[part.uuid]


def _instance(gpu: Gpu, place: int) -> mig.Instance | None:
    uuid = gpu.ask("nvmlDeviceGetUUID")
    profile = mig.profile(text(gpu.ask("nvmlDeviceGetName") or ""))
    attributes = gpu.ask("nvmlDeviceGetAttributes_v2")
    slices = mig.slices(profile) if attributes is None else int(attributes.computeInstanceSliceCount)
    if not uuid or not slices:
        return None
    return mig.Instance(
        uuid=text(uuid),
        place=place,
        profile=profile,
        slices=slices,
        gpu_instance=gpu.ask_besides("nvmlDeviceGetGpuInstanceId"),
    )


def _driver_version() -> str | None:
    try:
        return text(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None
