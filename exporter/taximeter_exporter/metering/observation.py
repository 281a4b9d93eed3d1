"""What is seen of every device at one moment, as far as it matters for money: in use or not, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from taximeter_exporter.devices.busy import busy
from taximeter_exporter.devices.reading import Sample, Snapshot
from taximeter_exporter.metering.identity import Identity
from taximeter_exporter.metering.processes import ProcessFacts, ProcessReader


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenProcess:
    """A compute process on a device."""

    pids: tuple[int, ...]
    """Its PID as the driver says it, then those that it has in PID namespaces within, its own last."""
    identity: Identity | None = None
    """The run that it says it belongs to, and who and what that is."""
    started_ns: int = 0
    """On `Clock.elapsed_ns`."""
    memory_bytes: int | None = None
    sm_percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is seen of one device."""

    busy: bool | None = None
    """Whether it is in use; `None`: not known."""
    taken_ns: int = 0
    """When its processes were read, on `Clock.elapsed_ns`."""
    processes: tuple[SeenProcess, ...] = ()
    energy_joules: float | None = None
    """Since the driver was loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What is seen of all devices."""

    devices: Mapping[str, Observation] = field(default_factory=dict)
    """By UUID."""
    unknown_processes: Mapping[str, int] = field(default_factory=dict)
    """How many processes were not attributed since the exporter began, by the reason."""


class Observer:
    """Puts the last snapshot of the devices and the identities of the processes on them together, in one go."""

    def __init__(self, snapshot: Callable[[], Snapshot], processes: ProcessReader) -> None:
        self._snapshot = snapshot
        self._processes = processes

    def __call__(self) -> Observations:
        """Never calls a driver. Raises nothing for a process that cannot be read."""
        samples = self._snapshot().samples
        running = [process for sample in samples for process in (sample.reading and sample.reading.processes) or ()]
        found = self._processes.look_up({process.pid for process in running})
        return Observations(
            devices={sample.device.uuid: _observation(sample, found) for sample in samples},
            unknown_processes=self._processes.unknown(),
        )


def _observation(sample: Sample, found: Mapping[int, ProcessFacts]) -> Observation:
    reading, taken_ns = sample.reading, sample.taken_ns
    if reading is None or taken_ns is None:
        return Observation()
    processes = []
    for process in reading.processes or ():
        facts = found.get(process.pid, ProcessFacts(pids=(process.pid,)))
        processes.append(
            SeenProcess(
                pids=facts.pids,
                identity=facts.identity,
                started_ns=facts.started_ns,
                memory_bytes=process.memory_used_bytes,
                sm_percent=process.sm_percent,
            )
        )
    return Observation(
        busy=busy(reading), taken_ns=taken_ns, processes=tuple(processes), energy_joules=reading.energy_joules
    )
