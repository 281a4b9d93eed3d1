"""The values that devices hand upwards: what a device is, what it answered, and where readings come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """NVML's index, `0`, `1`, …; of a MIG instance that of its GPU and its own, `0:2`; for the host `0`.

    `?` of one of several GPUs that hung or failed from the beginning: not known yet.
    """
    model: str
    """The product name, for instance `NVIDIA H100 80GB HBM3`; for the host its processor's name."""
    simulated: bool = False
    driver_version: str | None = None
    mig_profile: str | None = None
    """What a MIG instance is of a GPU, for instance `1g.10gb`."""
    mig_gpu_instance: int | None = None
    """NVML's number of the GPU instance that a MIG instance is in."""
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
    """How much of the time its kernels kept multiprocessors busy, 0 to 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What changes seldom in a GPU, and is read seldom. `None`, or an empty mapping, is no reading.

    A mapping is by the label that tells its entries apart: what `web/metrics` shows as one metric.
    """

    power_default_limit_watts: float | None = None
    power_min_limit_watts: float | None = None
    power_max_limit_watts: float | None = None
    temperature_thresholds_celsius: Mapping[str, float] = field(default_factory=dict)
    """At which the GPU slows down, shuts down and so on."""
    temperature_margin_limits_celsius: Mapping[str, float] = field(default_factory=dict)
    """The same as `temperature_margin_celsius` counts, on GPUs that say it so; below 0 is beyond the margin."""
    clocks_max_hertz: Mapping[str, float] = field(default_factory=dict)
    fan_speed_ratios: Mapping[str, float] = field(default_factory=dict)
    """Of the fan's full speed; by the fan's number."""
    bar1_memory_used_bytes: int | None = None
    bar1_memory_free_bytes: int | None = None
    bar1_memory_total_bytes: int | None = None
    pcie_generation: int | None = None
    pcie_max_generation: int | None = None
    pcie_width: int | None = None
    pcie_max_width: int | None = None
    pcie_replays: int | None = None
    pcie_bytes_per_second: Mapping[str, float] = field(default_factory=dict)
    """In the 20 ms in which it was measured; only where nothing counts the bytes."""
    nvlinks: int | None = None
    nvlinks_active: int | None = None
    nvlink_errors: Mapping[str, int] = field(default_factory=dict)
    ecc_enabled: bool | None = None
    ecc_errors: Mapping[str, int] = field(default_factory=dict)
    """Since the driver was loaded."""
    ecc_lifetime_errors: Mapping[str, int] = field(default_factory=dict)
    retired_pages: Mapping[str, int] = field(default_factory=dict)
    retired_pages_pending: bool | None = None
    remapped_rows: Mapping[str, int] = field(default_factory=dict)
    remapped_rows_pending: bool | None = None
    row_remap_failed: bool | None = None


NOTHING_STANDING = Standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a device answered at one moment. `None` is no reading (not supported, or refused as impossible).

    A mapping is by the label that tells its entries apart; what is not in it has no reading.
    """

    utilization_ratio: float | None = None
    """0 to 1: for a GPU NVML's share of time in which a kernel ran; for the host the share of CPU time not idle."""
    memory_bandwidth_utilization_ratio: float | None = None
    """0 to 1: the share of time in which the GPU's memory was read or written."""
    engine_utilization_ratios: Mapping[str, float] = field(default_factory=dict)
    """0 to 1: encoder, decoder, jpeg, ofa."""
    busy_ns: int | None = None
    """The integral of the utilization since the GPU was first read."""
    memory_used_bytes: int | None = None
    memory_free_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    """By the driver and the firmware."""
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    power_instant_watts: float | None = None
    power_average_watts: float | None = None
    """Over the last second."""
    power_limit_watts: float | None = None
    energy_joules: float | None = None
    """Since the driver was loaded."""
    temperature_celsius: float | None = None
    memory_temperature_celsius: float | None = None
    temperature_margin_celsius: float | None = None
    """To the temperature at which the GPU slows down."""
    clocks_hertz: Mapping[str, float] = field(default_factory=dict)
    """graphics, sm, memory, video."""
    performance_state: int | None = None
    """0, the fastest, to 15."""
    throttle: Mapping[str, bool] = field(default_factory=dict)
    """Whether each reason holds the clocks down now."""
    throttle_ns: Mapping[str, int] = field(default_factory=dict)
    """For how long each has."""
    activity_ratios: Mapping[str, float] = field(default_factory=dict)
    """0 to 1, since the reading before: what GPM says of the GPU's units."""
    pcie_bytes: Mapping[str, int] = field(default_factory=dict)
    """receive, transmit: a counter, seen from the GPU."""
    nvlink_bytes: Mapping[str, int] = field(default_factory=dict)
    """The same over all links."""
    xid_errors: Mapping[int, int] = field(default_factory=dict)
    """How many of each code since the GPU was first read, the latest code last."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """How many values were refused as impossible since the GPU was first read, by the metric that they are of."""
    processes: tuple[Process, ...] | None = None
    """Compute processes; an empty tuple says that there are none, `None` that it is not known."""
    standing: Standing = NOTHING_STANDING


class ReadError(Exception):
    """A device could not be read at all just now: it is lost, or the driver failed. Says which call and why."""

    def __init__(self, why: str, *, xid_errors: Mapping[int, int] | None = None) -> None:
        super().__init__(why)
        self.xid_errors = xid_errors
        """What the driver has reported of it so far, by code: it may say why. `None` if that is not known."""


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
class Past:
    """What the readings of a device tell together, all since it was first read, also while it cannot be."""

    memory_peak_bytes: int | None = None
    """The most in use within the last day; `None` until the device has been read for six hours."""
    slowdown_ratio: float | None = None
    """How much of the last five minutes heat or the power supply held the clocks down."""
    xid_times_ns: Mapping[int, int] = field(default_factory=dict)
    """When each code was last seen to have come, by the time of day."""
    refused_times_ns: Mapping[str, int] = field(default_factory=dict)
    """When a value was last refused as impossible, by the metric that it would have been of."""


NO_PAST = Past()


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
    xid_errors: Mapping[int, int] = field(default_factory=dict)
    """How many the driver has reported of each code, the latest last; also of a device that cannot be read."""
    past: Past = NO_PAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All devices at one moment; immutable, so that a scrape and the sampler never meet."""

    samples: tuple[Sample, ...]
    collect_success: bool
    """True if there is a reading of every device, and all are known."""
    last_success_time_ns: int | None
    """Time of day of the last collection in which every device answered; `None` before the first."""
    duration_ns: int
    """How long the slowest device took to answer last."""
    unmetered: str | None = None
    """What there is to say of GPUs that are here, and nobody can tell which they are."""
