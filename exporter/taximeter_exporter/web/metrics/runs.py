"""Runs: who they are, what they cost, and what they use now."""

from __future__ import annotations

from taximeter_exporter.web.metrics.spec import MetricSpec

INFO = MetricSpec(
    "run_info",
    "Always 1; who and what a run is.",
    "runs API, or the environment of its processes",
    ("run", "project", "team", "user", "model", "dataset"),
)
ACTIVE = MetricSpec("run_active", "1 while the run's lease lives, else 0.", "meter", ("run",))
COST = MetricSpec("run_cost", "What the run has cost, in `currency`.", "ledger", ("run", "currency"), counter=True)
DEVICE_SECONDS = MetricSpec(
    "run_device_seconds",
    "Device time of the run, each device by the run's share of it.",
    "ledger",
    ("run",),
    counter=True,
)
ENERGY = MetricSpec(
    "run_energy_joules",
    "Energy that the run's devices used, each device by the run's share of it.",
    "ledger",
    ("run",),
    counter=True,
)
START = MetricSpec("run_start_timestamp_seconds", "When the run first began.", "ledger", ("run",))
END = MetricSpec(
    "run_end_timestamp_seconds",
    "When the run ended, and how: finished, failed, stopped, budget (a budget stopped it), expired (its lease was not "
    "renewed), gone (no process of it was seen any more); absent while it goes on.",
    "ledger",
    ("run", "result"),
)
MEMORY = MetricSpec(
    "run_gpu_memory_used_bytes",
    "Memory of a GPU that the run's processes have; absent where one of them does not tell.",
    "nvmlDeviceGetComputeRunningProcesses",
    ("run", "uuid"),
)
SM = MetricSpec(
    "run_gpu_sm_utilization_ratio",
    "Share of the time in which the run's processes kept the GPU's multiprocessors busy.",
    "nvmlDeviceGetProcessUtilization",
    ("run", "uuid"),
)

ALL = (INFO, ACTIVE, COST, DEVICE_SECONDS, ENERGY, START, END, MEMORY, SM)
