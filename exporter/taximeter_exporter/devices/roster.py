"""Which devices a machine has, as one listing after another shows it."""

from __future__ import annotations

from collections.abc import Sequence

from taximeter_exporter.devices.reading import Device


def follow(known: Sequence[Device], listed: Sequence[Device]) -> tuple[Device, ...]:
    """The devices after a new listing: each GPU as it is divided now, in the order in which they were first seen.

    A GPU that is not listed any more is lost, not given back: it is rented, and costs money, as it was listed last.
    """
    shown = _by_gpu(listed)
    return tuple(device for group in (_by_gpu(known) | shown).values() for device in group)


def _by_gpu(devices: Sequence[Device]) -> dict[str, list[Device]]:
    groups: dict[str, list[Device]] = {}
    for device in devices:
        groups.setdefault(device.gpu, []).append(device)
    return groups
