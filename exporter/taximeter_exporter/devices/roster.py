"""Which devices a machine has, as one listing after another shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from taximeter_exporter.devices.reading import Device, DeviceKind

_GPU_UUID = "GPU-"
_UNKNOWN_INDEX = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is remembered of a device from before."""

    uuid: str
    model: str
    boot_id: str
    """The boot of the host in which it was metered last."""


def follow(known: Sequence[Device], listed: Sequence[Device]) -> tuple[Device, ...]:
    """The devices after a new listing: each GPU as it is divided now, in the order in which they were first seen.

    A GPU that is not listed any more is lost, not given back: it is rented, and costs money, as it was listed last.
    """
    shown = _by_gpu(listed)
    return tuple(device for group in (_by_gpu(known) | shown).values() for device in group)


def recall(
    listed: Sequence[Device], unidentified: Collection[int], remembered: Iterable[Remembered], *, boot_id: str
) -> tuple[Device, ...]:
    """What the GPUs of which no more than the index is known must be: none, if nobody can tell.

    They are those that were metered in this boot, or in the same one as the listed GPUs were last, and are not listed,
    if these are as many. How they are divided is not known, and of several not which is which.
    """
    before = {metered.uuid: metered for metered in remembered}
    boots = {boot_id} | {before[device.uuid].boot_id for device in listed if device.uuid in before}
    seen = {device.gpu for device in listed}
    missing = [
        metered
        for metered in before.values()
        if metered.uuid.startswith(_GPU_UUID) and metered.uuid not in seen and metered.boot_id in boots
    ]
    if len(missing) != len(unidentified):
        return ()
    indices = map(str, unidentified) if len(unidentified) == 1 else [_UNKNOWN_INDEX] * len(unidentified)
    return tuple(
        Device(uuid=metered.uuid, kind=DeviceKind.GPU, index=index, model=metered.model)
        for metered, index in zip(missing, indices, strict=True)
    )


def _by_gpu(devices: Sequence[Device]) -> dict[str, list[Device]]:
    groups: dict[str, list[Device]] = {}
    for device in devices:
        groups.setdefault(device.gpu, []).append(device)
    return groups
