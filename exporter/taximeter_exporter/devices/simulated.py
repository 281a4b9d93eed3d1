"""Made-up GPUs for a demonstration on a machine that has none. Everything that comes from them says so.

What they do is a function of elapsed time alone: the same moment gives the same reading, also after a restart.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.devices.reading import Device, DeviceKind, Process, Reading

_GIB = 1024**3
_MEMORY_TOTAL_BYTES = 80 * _GIB
_MEMORY_IDLE_BYTES = _GIB // 2
_POWER_IDLE_WATTS = 70
_POWER_LIMIT_WATTS = 700
_TEMPERATURE_IDLE_CELSIUS = 31
_CELSIUS_PER_WATT = 1 / 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What runs on a GPU, again and again: utilization by straight lines between points in time."""

    points: tuple[tuple[int, int], ...]
    """Seconds from the start of a round, ascending from 0 to the round's length, and utilization in percent; the last
    utilization is the first one, so that rounds join."""
    memory_bytes: int
    processes: int

    def utilization_ratio(self, elapsed_ns: int) -> float:
        """0 to 1, at a moment."""
        within_ns = elapsed_ns % self._round_ns
        place = bisect_right(self.points, within_ns, key=lambda point: point[0] * NS_PER_SECOND)
        (start, low), (end, high) = self.points[place - 1], self.points[place]
        passed = within_ns / NS_PER_SECOND - start
        return (low + (high - low) * passed / (end - start)) / 100

    def percent_ns(self, elapsed_ns: int) -> int:
        """The integral of utilization from 0 to a moment, rounded down, in percent times nanoseconds."""
        rounds, within_ns = divmod(elapsed_ns, self._round_ns)
        return rounds * self._area(self._round_ns) + self._area(within_ns)

    @property
    def _round_ns(self) -> int:
        return self.points[-1][0] * NS_PER_SECOND

    def _area(self, until_ns: int) -> int:
        """Under straight lines; in integers, so that it never falls."""
        area = 0
        for (start, low), (end, high) in pairwise(self.points):
            span_ns = (end - start) * NS_PER_SECOND
            passed_ns = min(until_ns - start * NS_PER_SECOND, span_ns)
            if passed_ns <= 0:
                break
            area += (2 * low * span_ns + (high - low) * passed_ns) * passed_ns // (2 * span_ns)
        return area


# epochs with a dip for the evaluation after each, then a pause for the checkpoint and the next configuration
TRAINING = Workload(
    points=(
        *((0, 0), (10, 0), (20, 96), (90, 98), (95, 62), (105, 66), (110, 97), (180, 99), (185, 61), (195, 64)),
        *((200, 97), (270, 98), (275, 60), (285, 63), (290, 0), (330, 0)),
    ),
    memory_bytes=68 * _GIB,
    processes=1,
)
# a data loader that does not keep up
FINE_TUNING = Workload(
    points=((0, 0), (15, 0), (25, 71), (60, 48), (100, 74), (140, 45), (180, 72), (220, 50), (230, 0), (240, 0)),
    memory_bytes=41 * _GIB,
    processes=2,
)
# someone trying things out
NOTEBOOK = Workload(
    points=((0, 0), (40, 0), (42, 35), (50, 30), (52, 0), (120, 0), (123, 88), (160, 85), (163, 0), (210, 0)),
    memory_bytes=12 * _GIB,
    processes=1,
)
# reserved by nobody; a short health check now and then
IDLE = Workload(points=((0, 0), (880, 0), (885, 22), (890, 22), (895, 0), (900, 0)), memory_bytes=_GIB, processes=1)

_SHIFT = (TRAINING, TRAINING, TRAINING, TRAINING, FINE_TUNING, FINE_TUNING, NOTEBOOK)


class SimulatedSource:
    """`count` GPUs, `SIM-0` and so on; the last of several is idle nearly always, so that idle money shows."""

    def __init__(self, clock: Clock, *, count: int = 8, model: str = "NVIDIA H100 80GB HBM3 (simulated)") -> None:
        self._clock = clock
        self._workloads = {
            Device(uuid=f"SIM-{index}", kind=DeviceKind.GPU, index=str(index), model=model, simulated=True): (
                IDLE if 0 < index == count - 1 else _SHIFT[index % len(_SHIFT)]
            )
            for index in range(count)
        }

    def devices(self) -> tuple[Device, ...]:
        """See `Source.devices`."""
        return tuple(self._workloads)

    def read(self, device: Device) -> Reading:
        """See `Source.read`."""
        work = self._workloads[device]
        now_ns = self._clock.elapsed_ns()
        utilization = work.utilization_ratio(now_ns)
        span_watts = _POWER_LIMIT_WATTS - _POWER_IDLE_WATTS
        power_watts = _POWER_IDLE_WATTS + span_watts * utilization
        used = work.memory_bytes if utilization else _MEMORY_IDLE_BYTES
        # PID 0 is nobody's: no real process is taken for a simulated one
        running = tuple(Process(pid=0, memory_used_bytes=used // work.processes) for _ in range(work.processes))
        return Reading(
            utilization_ratio=utilization,
            memory_used_bytes=used,
            memory_free_bytes=_MEMORY_TOTAL_BYTES - used,
            memory_total_bytes=_MEMORY_TOTAL_BYTES,
            power_watts=power_watts,
            power_limit_watts=float(_POWER_LIMIT_WATTS),
            energy_joules=(100 * _POWER_IDLE_WATTS * now_ns + span_watts * work.percent_ns(now_ns))
            / (100 * NS_PER_SECOND),
            temperature_celsius=_TEMPERATURE_IDLE_CELSIUS + (power_watts - _POWER_IDLE_WATTS) * _CELSIUS_PER_WATT,
            processes=running if utilization else (),
        )

    def close(self) -> None:
        """See `Source.close`; there is nothing to let go of."""
