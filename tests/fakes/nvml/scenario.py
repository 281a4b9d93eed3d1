"""What the fake NVML library answers: GPUs in NVML's raw units, errors, a hang, a GPU that is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fakes.nvml.h100 import RAW

GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class FakeProcess:
    """A compute process; `memory_bytes` `None` is NVML's "value not available"."""

    pid: int
    memory_bytes: int | None = GIB

    def line(self) -> str:
        """As the library reads it."""
        return f"{self.pid}:{'-' if self.memory_bytes is None else self.memory_bytes}"


@dataclass(frozen=True, kw_only=True)
class FakeSample:
    """What a process used of the multiprocessors up to a moment, in microseconds."""

    pid: int
    timestamp_us: int
    sm_percent: int

    def line(self) -> str:
        """As the library reads it."""
        return f"{self.pid}:{self.timestamp_us}:{self.sm_percent}"


@dataclass(frozen=True, kw_only=True)
class FakeInstance:
    """A MIG instance of a GPU."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    gpu_instance: int = 7
    compute_instance: int = 0
    compute_slices: int | None = 1
    memory_total_bytes: int = 10 * GIB
    memory_used_bytes: int = 2 * GIB
    processes: tuple[FakeProcess, ...] = ()
    raw: Mapping[str, int | float | str | None] = field(default_factory=dict)
    """What it answers besides, by the scenario's keys."""

    def keys(self) -> dict[str, object | None]:
        """Keys and values of its scenario lines."""
        return {
            **self.raw,
            "uuid": self.uuid,
            "name": self.name,
            "gpu_instance": self.gpu_instance,
            "compute_instance": self.compute_instance,
            "compute_slices": self.compute_slices,
            "memory_total": self.memory_total_bytes,
            "memory_used": self.memory_used_bytes,
            "memory_free": self.memory_total_bytes - self.memory_used_bytes,
            "processes": " ".join(process.line() for process in self.processes),
        }


@dataclass(frozen=True, kw_only=True)
class FakeGpu:
    """One GPU. A quantity that is `None` is not supported; any other number is answered as it stands."""

    uuid: str = "GPU-00000000-0000-0000-0000-000000000000"
    name: str | None = "NVIDIA H100 80GB HBM3"
    utilization_percent: int | None = 83
    memory_total_bytes: int | None = 80 * GIB
    memory_used_bytes: int | None = 60 * GIB
    memory_free_bytes: int | None = 19 * GIB
    memory_reserved_bytes: int | None = 1 * GIB
    power_milliwatts: int | None = 512_500
    power_limit_milliwatts: int | None = 700_000
    energy_millijoules: int | None = 123_456_789
    temperature_celsius: int | None = 61
    processes: tuple[FakeProcess, ...] | None = (FakeProcess(pid=4242),)
    samples: tuple[FakeSample, ...] | None = None
    """What the processes used of the multiprocessors; `None`: as `raw` says."""
    raw: Mapping[str, int | float | str | None] = field(default_factory=lambda: RAW)
    """What it answers besides, by the scenario's keys."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """NVML's code for a call on this GPU, by the function's name."""
    lost: bool = False
    hang: bool = False
    mig: bool | None = False
    mig_slices: int | None = 7
    instances: tuple[FakeInstance, ...] = ()

    def keys(self) -> dict[str, object | None]:
        """Keys and values of its scenario lines."""
        keys: dict[str, object | None] = {
            **self.raw,
            "uuid": self.uuid,
            "name": self.name,
            "utilization": self.utilization_percent,
            "memory_total": self.memory_total_bytes,
            "memory_used": self.memory_used_bytes,
            "memory_free": self.memory_free_bytes,
            "memory_reserved": self.memory_reserved_bytes,
            "power": self.power_milliwatts,
            "power_limit": self.power_limit_milliwatts,
            "energy": self.energy_millijoules,
            "temperature": self.temperature_celsius,
            "lost": int(self.lost),
            "hang": int(self.hang),
            "mig.mode": None if self.mig is None else int(self.mig),
            "mig.max": self.mig_slices,
            "mig.count": len(self.instances),
        }
        if self.processes is not None:
            keys["processes"] = " ".join(process.line() for process in self.processes)
        if self.samples is not None:
            keys["process_utilization"] = " ".join(sample.line() for sample in self.samples)
        keys |= {f"error.{call}": code for call, code in self.errors.items()}
        for place, instance in enumerate(self.instances):
            keys |= {f"mig.{place}.{key}": value for key, value in instance.keys().items()}
        return keys


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Everything that the library answers."""

    gpus: tuple[FakeGpu, ...] = (FakeGpu(),)
    driver_version: str | None = "570.86.15"
    errors: Mapping[str, int] = field(default_factory=dict)
    """NVML's code for a call without a device, by the function's name: `{"nvmlInitWithFlags": 9}` is a driver that is
    not loaded."""
    hangs: frozenset[str] = frozenset()
    """The calls without a device that block for as long as they are in here."""
    counted_once: bool = False
    """Whether a GPU that comes is there only for a program that initializes NVML after that."""
    driver_load: int = 1
    """How often the driver was loaded so far; 0: it is unloaded. A program has to initialize NVML after each."""

    def _lines(self, call_log: Path | None) -> Iterator[str]:
        keys: dict[str, object | None] = {
            "gpus": len(self.gpus),
            "driver_version": self.driver_version,
            "call_log": call_log,
        }
        keys |= {"driver_load": self.driver_load, "counted_once": int(self.counted_once)}
        keys |= {f"error.{call}": code for call, code in self.errors.items()}
        keys |= {f"hang.{call}": 1 for call in self.hangs}
        for index, gpu in enumerate(self.gpus):
            keys |= {f"gpu.{index}.{key}": value for key, value in gpu.keys().items()}
        return (f"{key} = {value}\n" for key, value in keys.items() if value is not None)

    def write(self, path: Path, *, call_log: Path | None = None) -> None:
        """Put the scenario in place of the one at `path`, whole at any moment.

        The library appends the name of every call to the file `call_log`.
        """
        unfinished = path.with_name(f"{path.name}.next")
        unfinished.write_text("".join(self._lines(call_log)), encoding="utf-8")
        unfinished.replace(path)


def gpus(*, count: int, processes: int) -> Scenario:
    """`count` busy GPUs with uuids `GPU-…0`, `GPU-…1`, each with so many processes."""
    return Scenario(
        gpus=tuple(
            FakeGpu(
                uuid=f"GPU-00000000-0000-0000-0000-{index:012d}",
                processes=tuple(FakeProcess(pid=1000 * (index + 1) + number) for number in range(processes)),
            )
            for index in range(count)
        )
    )
