"""The values that devices hand upwards: what a device is, what it answered, and where readings come from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Protocol


class DeviceKind(StrEnum):
    """What kind of thing costs the money."""

    GPU = "gpu"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One thing that costs money by the hour. Identity only: nothing here changes while it is there."""

    uuid: str
    """NVML's UUID (`GPU-…`); `HOST-…` for the host itself; `SIM-…` for a simulated device."""
    kind: DeviceKind
    index: str
    """NVML's index, `0`, `1`, …; of a MIG instance that of its GPU and its own, `0:2`; for the host `0`."""
    model: str
    """The product name, for instance `NVIDIA H100 80GB HBM3`; for the host its processor's name."""
    simulated: bool = False
    driver_version: str | None = None
    mig_profile: str | None = None
    """What a MIG instance is of a GPU, for instance `1g.10gb`."""
    parent: str | None = None
    """The UUID of the GPU that a MIG instance is on."""
    part: Fraction = Fraction(1)
    """What part it is of a whole device, and so of its price; 0 to 1."""
    remainder: bool = False
    """A GPU in MIG mode: `part` is what no instance has. That is paid for, and nothing can run there."""
    cpus: int | None = None
    """Logical processors; only for the host."""

    @property
    def gpu(self) -> str:
        """The UUID of the physical device that it is, or is a part of."""
        return self.parent or self.uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A compute process on a device."""

    pid: int
    """As the driver reports it: in the host's PID namespace."""
    memory_used_bytes: int | None = None
    sm_percent: int | None = None
    """How much of the time its kernels kept multiprocessors busy, 0 to 100; read where several processes run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a device answered at one moment. `None` is no reading (not supported, or refused as impossible)."""

    utilization_ratio: float | None = None
    """0 to 1: for a GPU NVML's share of time in which a kernel ran; for the host the share of CPU time not idle."""
    memory_used_bytes: int | None = None
    memory_free_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    energy_joules: float | None = None
    """Since the driver was loaded."""
    temperature_celsius: float | None = None
    processes: tuple[Process, ...] | None = None
    """Compute processes; an empty tuple says that there are none, `None` that it is not known."""


class ReadError(Exception):
    """A device could not be read at all just now: it is lost, or the driver failed. Says which call and why."""


class Source(Protocol):
    """Where devices and their readings come from."""

    def devices(self) -> tuple[Device, ...]:
        """The devices that are there. Raises `ReadError` if they cannot be listed."""
        ...

    def read(self, device: Device) -> Reading:
        """Read one device; may block for as long as the driver does. Raises `ReadError`."""
        ...

    def close(self) -> None:
        """Let go of the driver."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The last that is known of a device."""

    device: Device
    reading: Reading | None
    """`None`: the device is lost, failing, silent for several intervals, or not read yet."""
    error: str | None = None
    """Why there is no reading."""
    taken_ns: int | None = None
    """When the reading was taken, on `Clock.elapsed_ns`; `None` without a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All devices at one moment; immutable, so that a scrape and the sampler never meet."""

    samples: tuple[Sample, ...]
    collect_success: bool
    """True if there is a reading of every device."""
    last_success_time_ns: int | None
    """Time of day of the last collection in which every device answered; `None` before the first."""
    duration_ns: int
    """How long the slowest device took to answer last."""
