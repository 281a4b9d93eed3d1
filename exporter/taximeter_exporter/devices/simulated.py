"""Made-up GPUs for a demonstration on a machine that has none. Everything that comes from them says so.

What they do is a function of elapsed time alone: the same moment gives the same reading, also after a restart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.devices.reading import Device, DeviceKind, Process, Reading, Standing

_GIB = 1024**3
_GHZ = 1e9
_MEMORY_TOTAL_BYTES = 80 * _GIB
_MEMORY_RESERVED_BYTES = _GIB // 2
_MEMORY_IDLE_BYTES = _GIB // 2
_POWER_IDLE_WATTS = 70
_POWER_LIMIT_WATTS = 700
_TEMPERATURE_IDLE_CELSIUS = 31
_TEMPERATURE_SLOWDOWN_CELSIUS = 87
_CELSIUS_PER_WATT = 1 / 15
_POWER_CAP_FROM_PERCENT = 97
"""Above that it would draw more than its limit, and the clocks fall."""
_CLOCKS_IDLE = {"graphics": 0.345 * _GHZ, "sm": 0.345 * _GHZ, "memory": 2.619 * _GHZ, "video": 0.765 * _GHZ}
_CLOCKS_MAX = {"graphics": 1.98 * _GHZ, "sm": 1.98 * _GHZ, "memory": 2.619 * _GHZ, "video": 1.545 * _GHZ}
_CLOCKS_CAPPED = _CLOCKS_MAX | {"graphics": 1.755 * _GHZ, "sm": 1.755 * _GHZ}
_ACTIVITIES = {
    "gpu_graphics_activity_ratio": 1.0,
    "gpu_sm_activity_ratio": 0.87,
    "gpu_sm_occupancy_ratio": 0.44,
    "gpu_tensor_activity_ratio": 0.41,
    "gpu_dram_activity_ratio": 0.53,
    "gpu_fp64_activity_ratio": 0.0,
    "gpu_fp32_activity_ratio": 0.08,
    "gpu_fp16_activity_ratio": 0.03,
    "gpu_integer_activity_ratio": 0.1,
}
"""At a utilization of 1."""
_BYTES_PER_SECOND = {
    "pcie": {"transmit": 10**9, "receive": 4 * 10**9},
    "nvlink": {"transmit": 10**11, "receive": 10**11},
}
"""The same."""
_XID_OF_A_PROGRAM = 31
"""A memory page fault, as a program under development causes it."""

_STANDING = Standing(
    power_default_limit_watts=float(_POWER_LIMIT_WATTS),
    power_min_limit_watts=200.0,
    power_max_limit_watts=float(_POWER_LIMIT_WATTS),
    temperature_thresholds_celsius={"shutdown": 92, "slowdown": _TEMPERATURE_SLOWDOWN_CELSIUS, "memory_max": 95},
    temperature_margin_limits_celsius={"shutdown": -5, "slowdown": 0},
    clocks_max_hertz=_CLOCKS_MAX,
    fan_speed_ratios={"0": 0.6},
    bar1_memory_used_bytes=_GIB // 64,
    bar1_memory_free_bytes=128 * _GIB - _GIB // 64,
    bar1_memory_total_bytes=128 * _GIB,
    pcie_generation=5,
    pcie_max_generation=5,
    pcie_width=16,
    pcie_max_width=16,
    pcie_replays=0,
    nvlinks=18,
    nvlinks_active=18,
    nvlink_errors=dict.fromkeys(("crc_flit", "crc_data", "replay", "recovery", "ecc"), 0),
    ecc_enabled=True,
    ecc_errors={"corrected": 0, "uncorrected": 0},
    ecc_lifetime_errors={"corrected": 3, "uncorrected": 0},
    retired_pages={"multiple_single_bit": 0, "double_bit": 0},
    retired_pages_pending=False,
    remapped_rows={"corrected": 1, "uncorrected": 0},
    remapped_rows_pending=False,
    row_remap_failed=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What runs on a GPU, again and again: utilization by straight lines between points in time."""

    points: tuple[tuple[int, int], ...]
    """Seconds from the start of a round, ascending from 0 to the round's length, and utilization in percent; the last
    utilization is the first one, so that rounds join."""
    memory_bytes: int
    processes: int
    rounds_per_xid: int | None = None
    """After so many rounds its program makes a mistake that the driver reports; `None`: never."""

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

    def above_ns(self, percent: int, elapsed_ns: int) -> int:
        """For how long, from 0 to a moment, utilization was above so many percent."""
        rounds, within_ns = divmod(elapsed_ns, self._round_ns)
        return rounds * self._above(percent, self._round_ns) + self._above(percent, within_ns)

    def xid_errors(self, elapsed_ns: int) -> int:
        """How many its program caused, from 0 to a moment."""
        return 0 if self.rounds_per_xid is None else elapsed_ns // (self._round_ns * self.rounds_per_xid)

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

    def _above(self, percent: int, until_ns: int) -> int:
        """Of each straight line the part beyond where it crosses; in integers, so that it never falls."""
        above = 0
        for (start, low), (end, high) in pairwise(self.points):
            start_ns, span_ns = start * NS_PER_SECOND, (end - start) * NS_PER_SECOND
            passed_ns = min(until_ns - start_ns, span_ns)
            if passed_ns <= 0:
                break
            if low <= percent < high:
                above += max(0, passed_ns - span_ns * (percent - low) // (high - low))
            elif high <= percent < low:
                above += min(passed_ns, span_ns * (low - percent) // (low - high))
            elif low > percent:
                above += passed_ns
        return above


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
    rounds_per_xid=10,
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
        celsius = _TEMPERATURE_IDLE_CELSIUS + (power_watts - _POWER_IDLE_WATTS) * _CELSIUS_PER_WATT
        used = work.memory_bytes if utilization else _MEMORY_IDLE_BYTES
        is_capped = utilization > _POWER_CAP_FROM_PERCENT / 100
        percent_ns = work.percent_ns(now_ns)
        moved = {link: _moved(rates, percent_ns) for link, rates in _BYTES_PER_SECOND.items()}
        # PID 0 is nobody's: no real process is taken for a simulated one
        process = Process(
            pid=0, memory_used_bytes=used // work.processes, sm_percent=round(87 * utilization) // work.processes
        )
        xid_errors = work.xid_errors(now_ns)
        return Reading(
            utilization_ratio=utilization,
            memory_bandwidth_utilization_ratio=0.6 * utilization,
            engine_utilization_ratios={"encoder": 0.0, "decoder": 0.0, "jpeg": 0.25 * utilization, "ofa": 0.0},
            busy_ns=percent_ns // 100,
            memory_used_bytes=used,
            memory_free_bytes=_MEMORY_TOTAL_BYTES - _MEMORY_RESERVED_BYTES - used,
            memory_reserved_bytes=_MEMORY_RESERVED_BYTES,
            memory_total_bytes=_MEMORY_TOTAL_BYTES,
            power_watts=power_watts,
            power_instant_watts=power_watts,
            power_average_watts=power_watts,
            power_limit_watts=float(_POWER_LIMIT_WATTS),
            energy_joules=(100 * _POWER_IDLE_WATTS * now_ns + span_watts * percent_ns) / (100 * NS_PER_SECOND),
            temperature_celsius=celsius,
            memory_temperature_celsius=celsius + 8,
            temperature_margin_celsius=_TEMPERATURE_SLOWDOWN_CELSIUS - celsius,
            clocks_hertz=_CLOCKS_CAPPED if is_capped else _CLOCKS_MAX if utilization else _CLOCKS_IDLE,
            performance_state=0,
            throttle={"gpu_idle": not utilization, "sw_power_cap": is_capped, "hw_thermal_slowdown": False},
            throttle_ns={
                "gpu_idle": now_ns - work.above_ns(0, now_ns),
                "sw_power_cap": work.above_ns(_POWER_CAP_FROM_PERCENT, now_ns),
                "hw_thermal_slowdown": 0,
            },
            activity_ratios={name: share * utilization for name, share in _ACTIVITIES.items()},
            pcie_bytes=moved["pcie"],
            nvlink_bytes=moved["nvlink"],
            xid_errors={_XID_OF_A_PROGRAM: xid_errors} if xid_errors else {},
            processes=(process,) * work.processes if utilization else (),
            standing=_STANDING,
        )

    def close(self) -> None:
        """See `Source.close`; there is nothing to let go of."""


def _moved(bytes_per_second: Mapping[str, int], percent_ns: int) -> Mapping[str, int]:
    """What has passed by a moment, as much the more as the GPU was used."""
    return {direction: rate * percent_ns // (100 * NS_PER_SECOND) for direction, rate in bytes_per_second.items()}
