"""How a GPU in MIG mode is divided, and so its price.

A GPU has so many compute slices (7 on A100, H100, H200 and B200, 4 on A30), and an instance's profile says how many of
them it has: `2g.20gb` two, `1c.2g.20gb` one of two. The price goes by slices. Those that no instance has stay with the
GPU itself, which is listed for them and for what only the whole GPU can say, such as its power.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from taximeter_exporter.devices.reading import Device

USUAL_SLICES = 7
_SEPARATOR = " MIG "
_PROFILE = re.compile(r"(?:(?P<compute>\d+)c\.)?(?P<gpu>\d+)g\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A MIG instance as the driver says it."""

    uuid: str
    place: int
    """Among the instances of its GPU."""
    profile: str | None
    slices: int
    gpu_instance: int | None = None
    """NVML's number of the GPU instance that it is in."""


def profile(name: str) -> str | None:
    """`1g.10gb` of `NVIDIA H100 80GB HBM3 MIG 1g.10gb`."""
    return name.partition(_SEPARATOR)[2] or None


def slices(profile: str | None) -> int | None:
    """How many compute slices a profile has."""
    match = _PROFILE.match(profile or "")
    return int(match["compute"] or match["gpu"]) if match else None


def divide(gpu: Device, instances: Sequence[Instance], *, slices: int) -> tuple[Device, ...]:
    """The instances of a GPU and what is left of it; their parts add up to 1."""
    taken = sum(instance.slices for instance in instances)
    total = max(slices, taken)
    parts = (
        replace(
            gpu,
            uuid=instance.uuid,
            index=f"{gpu.index}:{instance.place}",
            mig_profile=instance.profile,
            mig_gpu_instance=instance.gpu_instance,
            parent=gpu.uuid,
            part=Fraction(instance.slices, total),
        )
        for instance in instances
    )
    return (replace(gpu, part=Fraction(total - taken, total), remainder=True), *parts)
