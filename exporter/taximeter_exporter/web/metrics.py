"""Every metric of the exporter, declared once: name, kind, help and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PREFIX = "taximeter_"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. The unit is the last word of the name, before `_total` on counters."""

    name: str
    """Without the prefix, and without `_total` on a counter."""
    help: str
    labels: tuple[str, ...] = ()
    counter: bool = False

    prefix: str = PREFIX
    own: bool = False
    """It tells of the exporter's process, which is real also where the devices are simulated."""

    @property
    def series_name(self) -> str:
        """The name as it is queried."""
        return f"{self.prefix}{self.name}{'_total' if self.counter else ''}"


Samples = Sequence[tuple[tuple[str, ...], float]]
"""The values of a metric's labels, in the order of its `labels`, and its value under them."""


_GPU = ("gpu", "uuid")
_BUDGET = ("budget", "period", "run")

BUILD_INFO = MetricSpec("build_info", "Always 1; the version of the exporter.", ("version",))

GPU_INFO = MetricSpec("gpu_info", "Always 1; what a GPU is.", ("gpu", "uuid", "model", "driver_version", "mig_profile"))
GPU_UP = MetricSpec("gpu_up", "1 if the GPU answered in the last interval, else 0.", _GPU)
GPU_UTILIZATION = MetricSpec(
    "gpu_utilization_ratio", "Share of the last sample period in which a kernel ran on the GPU.", _GPU
)
GPU_MEMORY_USED = MetricSpec("gpu_memory_used_bytes", "Memory of the GPU in use.", _GPU)
GPU_MEMORY_FREE = MetricSpec("gpu_memory_free_bytes", "Memory of the GPU that is free.", _GPU)
GPU_MEMORY_TOTAL = MetricSpec("gpu_memory_total_bytes", "Memory of the GPU.", _GPU)
GPU_POWER = MetricSpec("gpu_power_watts", "Power that the GPU draws.", _GPU)
GPU_POWER_LIMIT = MetricSpec("gpu_power_limit_watts", "Power limit in force on the GPU.", _GPU)
GPU_ENERGY = MetricSpec(
    "gpu_energy_joules", "Energy that the GPU used since its driver was loaded.", _GPU, counter=True
)
GPU_TEMPERATURE = MetricSpec("gpu_temperature_celsius", "Temperature of the GPU's die.", _GPU)
GPU_PROCESSES = MetricSpec("gpu_processes", "Compute processes on the GPU.", _GPU)

HOST_INFO = MetricSpec(
    "host_info",
    "Always 1; what the host is, where it is itself the device that costs money.",
    ("uuid", "model", "cpus"),
)
HOST_UTILIZATION = MetricSpec("host_utilization_ratio", "Share of CPU time that was not idle.", ("uuid",))
HOST_MEMORY_USED = MetricSpec("host_memory_used_bytes", "Memory of the host that is not available.", ("uuid",))
HOST_MEMORY_TOTAL = MetricSpec("host_memory_total_bytes", "Memory of the host.", ("uuid",))

PRICE_PER_HOUR = MetricSpec(
    "price_per_hour",
    "What the device costs now, in `currency` per hour: its part of the instance's price.",
    ("uuid", "provider", "region", "instance_type", "pricing_model", "currency"),
)
PRICE_AGE_SECONDS = MetricSpec(
    "price_age_seconds", "How old the price of the device is; absent where it has no date.", ("uuid",)
)
PRICE_STALE = MetricSpec(
    "price_stale", "1 if the price of the device is older than the configuration allows, else 0.", ("uuid",)
)
COST = MetricSpec(
    "cost",
    "What the device has cost, in `currency`, by whom its time belonged to.",
    ("uuid", "project", "category", "share", "currency"),
    counter=True,
)
GAP_SECONDS = MetricSpec(
    "gap_seconds", "Device time in which the exporter was down while the host was up.", ("uuid",), counter=True
)
UNPRICED_SECONDS = MetricSpec(
    "unpriced_seconds", "Device time for which there is no price, and so no cost.", ("uuid",), counter=True
)

RUN_INFO = MetricSpec(
    "run_info", "Always 1; who and what a run is.", ("run", "project", "team", "user", "model", "dataset")
)
RUN_ACTIVE = MetricSpec("run_active", "1 while the run's lease lives, else 0.", ("run",))
RUN_COST = MetricSpec("run_cost", "What the run has cost, in `currency`.", ("run", "currency"), counter=True)
RUN_DEVICE_SECONDS = MetricSpec(
    "run_device_seconds", "Device time of the run, each device by the run's share of it.", ("run",), counter=True
)
RUN_ENERGY = MetricSpec(
    "run_energy_joules",
    "Energy that the run's devices used, each device by the run's share of it.",
    ("run",),
    counter=True,
)
RUN_START = MetricSpec("run_start_timestamp_seconds", "When the run first began.", ("run",))

BUDGET_LIMIT = MetricSpec("budget_limit", "What may be spent in a period, in `currency`.", (*_BUDGET, "currency"))
BUDGET_SPENT = MetricSpec(
    "budget_spent", "What was spent in this period so far, in `currency`.", (*_BUDGET, "currency")
)
BUDGET_FORECAST = MetricSpec(
    "budget_forecast",
    "What will have been spent by the end of this period, by the present rate and the recent past, in `currency`.",
    (*_BUDGET, "currency"),
)
BUDGET_THRESHOLD = MetricSpec(
    "budget_threshold_ratio",
    "The part of the limit from which to warn.",
    (*_BUDGET, "currency", "severity", "threshold"),
)
BUDGET_START = MetricSpec("budget_period_start_timestamp_seconds", "When this period began.", _BUDGET)
BUDGET_END = MetricSpec("budget_period_end_timestamp_seconds", "When this period ends.", _BUDGET)

COLLECT_SUCCESS = MetricSpec("collect_success", "1 if every device answered within the last interval, else 0.")
COLLECT_LAST_SUCCESS = MetricSpec("collect_last_success_timestamp_seconds", "When every device had last answered.")
COLLECT_DURATION = MetricSpec("collect_duration_seconds", "How long the slowest device took to answer last.")
UNATTRIBUTED_PROCESSES = MetricSpec(
    "unattributed_processes",
    "Processes seen on the devices that could not be told to be a run's, by the reason.",
    ("reason",),
    counter=True,
)
LEDGER_FAILURES = MetricSpec(
    "ledger_write_failures", "Writes to the ledger that failed and were tried again.", counter=True
)
LEDGER_LAST_WRITE = MetricSpec("ledger_last_write_timestamp_seconds", "When the ledger was last written.")

ALL = tuple(value for value in list(globals().values()) if isinstance(value, MetricSpec))
"""The whole table, in the order of this file."""
