"""Which GPUs and MIG instances the driver shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import pynvml

from taximeter_exporter.devices import mig
from taximeter_exporter.devices.nvml.asking import Asker
from taximeter_exporter.devices.nvml.calls import Gpu, text
from taximeter_exporter.devices.nvml.library import Library
from taximeter_exporter.devices.reading import Device, DeviceKind, ReadError

_NO_INSTANCE = frozenset({pynvml.NVML_ERROR_NOT_FOUND})

PATIENCE_SECONDS = 10
"""So long a GPU may take to say what it is. One whose driver is not kept loaded is initialized by the first call."""


class _Shown(NamedTuple):
    """A GPU that has said what it is."""

    handles: Mapping[Device, Any]
    """It, or what it is divided into, each with its handle."""
    problems: tuple[str, ...]
    """What of it cannot be identified and is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the driver shows at one moment."""

    count: int = 0
    """How many GPUs there are."""
    handles: Mapping[Device, Any] = field(default_factory=dict)
    """Every device with its handle."""
    unidentified: Mapping[int, str] = field(default_factory=dict)
    """The GPUs of which nothing is known but their index, and why."""
    problems: tuple[str, ...] = ()
    """What cannot be identified, and why."""

    @property
    def is_mute(self) -> bool:
        """Whether there are GPUs and none can be identified."""
        return bool(self.unidentified) and not self.handles


class Lister:
    """Asks each GPU what it is. One that does not answer is what it was when it last did."""

    def __init__(self, library: Library, driver: Asker[str, Any]) -> None:
        self._library = library
        self._driver = driver
        self._gpus: Asker[int, _Shown] = Asker(patience_seconds=PATIENCE_SECONDS)
        self._shown: dict[int, _Shown] = {}

    def forget(self) -> None:
        """What a GPU was does not count any more: its handle is void."""
        self._shown = {}

    def list(self) -> Listing:
        """Every device, looked up anew. Raises `ReadError` if the driver does not say how many GPUs there are."""
        count, driver_version = self._driver.ask_one("count", self._count)
        answers = self._gpus.ask(
            {index: partial(self._identify, index, driver_version=driver_version) for index in range(count)}
        )
        shown, unidentified = {}, {}
        for index in range(count):
            answer = answers.get(index) or self._shown.get(index) or _silence()
            if isinstance(answer, ReadError):
                unidentified[index] = str(answer)
            elif isinstance(answer, Exception):
                raise answer
            else:
                shown[index] = answer
        self._shown = shown
        return Listing(
            count=count,
            handles={device: handle for gpu in shown.values() for device, handle in gpu.handles.items()},
            unidentified=unidentified,
            problems=(
                *(f"GPU {index} cannot be identified: {why}" for index, why in unidentified.items()),
                *(problem for gpu in shown.values() for problem in gpu.problems),
            ),
        )

    def _count(self) -> tuple[int, str | None]:
        """How many GPUs there are, and the version of their driver."""
        with self._library.use():
            try:
                return pynvml.nvmlDeviceGetCount(), _driver_version()
            except pynvml.NVMLError as error:
                raise ReadError(f"nvmlDeviceGetCount: {error}") from error

    def _identify(self, index: int, *, driver_version: str | None) -> _Shown:
        with self._library.use():
            handle = _handle(index)
            return _divided(_device(handle, index=index, driver_version=driver_version), handle)


def _silence() -> ReadError:
    return ReadError(f"no answer within {PATIENCE_SECONDS:g} s")


def _in_mig_mode(gpu: Gpu) -> bool:
    """Whether it is divided into instances now."""
    modes = gpu.ask("nvmlDeviceGetMigMode")
    return modes is not None and modes[0] == pynvml.NVML_DEVICE_MIG_ENABLE


def _handle(index: int) -> Any:
    try:
        return pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        raise ReadError(f"nvmlDeviceGetHandleByIndex: {error}") from error


def _device(handle: Any, *, index: int, driver_version: str | None) -> Device:
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


def _divided(device: Device, handle: Any) -> _Shown:
    """A GPU or, if it is in MIG mode, what is left of it and its instances."""
    gpu = Gpu(handle)
    if not _in_mig_mode(gpu):
        return _Shown({device: handle}, ())
    slices = gpu.ask("nvmlDeviceGetMaxMigDeviceCount") or mig.USUAL_SLICES
    handles: dict[str, Any] = {device.uuid: handle}
    instances, problems = [], []
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
    parts = mig.divide(device, instances, slices=slices)
    return _Shown({part: handles[part.uuid] for part in parts}, tuple(problems))


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
