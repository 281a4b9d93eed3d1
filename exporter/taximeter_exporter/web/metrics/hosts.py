"""The host itself, where it is the device that costs money."""

from __future__ import annotations

from collections.abc import Callable

from taximeter_exporter.devices.reading import Reading
from taximeter_exporter.web.metrics.spec import MetricSpec

INFO = MetricSpec(
    "host_info",
    "Always 1; what the host is, where it is itself the device that costs money.",
    "/proc/cpuinfo",
    ("uuid", "model", "cpus"),
)
VALUES: tuple[tuple[MetricSpec, Callable[[Reading], float | None]], ...] = (
    (
        MetricSpec("host_utilization_ratio", "Share of CPU time that was not idle.", "/proc/stat", ("uuid",)),
        lambda reading: reading.utilization_ratio,
    ),
    (
        MetricSpec("host_memory_used_bytes", "Memory of the host that is not available.", "/proc/meminfo", ("uuid",)),
        lambda reading: reading.memory_used_bytes,
    ),
    (
        MetricSpec("host_memory_total_bytes", "Memory of the host.", "/proc/meminfo", ("uuid",)),
        lambda reading: reading.memory_total_bytes,
    ),
)

ALL = (INFO, *(spec for spec, _ in VALUES))
