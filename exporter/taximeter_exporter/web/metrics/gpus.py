"""GPUs and MIG instances: each metric, and what it is of a reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Reading
from taximeter_exporter.web.metrics.spec import MetricSpec

_GPU = ("gpu", "uuid")
_FIELDS = "nvmlDeviceGetFieldValues"
_GPM = "nvmlGpmMetricsGet"
_OF_INSTANCES = " A GPU in MIG mode gives none: its instances give theirs, so that a sum over all counts nothing twice."

INFO = MetricSpec(
    "gpu_info",
    "Always 1; what a GPU, or a MIG instance, is.",
    "nvmlDeviceGetUUID, nvmlDeviceGetName, nvmlSystemGetDriverVersion",
    (*_GPU, "model", "driver_version", "mig_profile"),
)
MIG_INSTANCE_INFO = MetricSpec(
    "mig_instance_info",
    "Always 1; which GPU instance (its number, `gpu_instance`) of which GPU (`gpu_uuid`) a MIG instance is in, as other"
    " exporters name it.",
    "nvmlDeviceGetGpuInstanceId",
    (*_GPU, "gpu_uuid", "gpu_instance"),
)
UP = MetricSpec("gpu_up", "1 if the GPU answered in the last interval, else 0.", "sampler", _GPU)


def _gauge(name: str, help: str, source: str, *labels: str) -> MetricSpec:  # noqa: A002 (as Prometheus calls it)
    return MetricSpec(f"gpu_{name}", help, source, (*_GPU, *labels))


def _counter(name: str, help: str, source: str, *labels: str) -> MetricSpec:  # noqa: A002
    return MetricSpec(f"gpu_{name}", help, source, (*_GPU, *labels), counter=True)


VALUES: tuple[tuple[MetricSpec, Callable[[Reading], float | None]], ...] = (
    (
        _gauge(
            "utilization_ratio",
            "Share of the last sample period in which a kernel ran on the GPU.",
            "nvmlDeviceGetUtilizationRates",
        ),
        lambda reading: reading.utilization_ratio,
    ),
    (
        _gauge(
            "memory_bandwidth_utilization_ratio",
            "Share of the last sample period in which the GPU's memory was read or written.",
            "nvmlDeviceGetUtilizationRates",
        ),
        lambda reading: reading.memory_bandwidth_utilization_ratio,
    ),
    (
        _counter(
            "busy_seconds",
            "Time in which a kernel ran on the GPU since the exporter began: the integral of its utilization, from"
            " every sample that the driver keeps, or where it keeps none from each reading.",
            "nvmlDeviceGetSamples, else nvmlDeviceGetUtilizationRates",
        ),
        lambda reading: None if reading.busy_ns is None else reading.busy_ns / NS_PER_SECOND,
    ),
    (
        _gauge("memory_used_bytes", f"Memory of the GPU in use.{_OF_INSTANCES}", "nvmlDeviceGetMemoryInfo"),
        lambda reading: reading.memory_used_bytes,
    ),
    (
        _gauge("memory_free_bytes", f"Memory of the GPU that is free.{_OF_INSTANCES}", "nvmlDeviceGetMemoryInfo"),
        lambda reading: reading.memory_free_bytes,
    ),
    (
        _gauge(
            "memory_reserved_bytes",
            f"Memory of the GPU that its driver and firmware keep.{_OF_INSTANCES}",
            "nvmlDeviceGetMemoryInfo",
        ),
        lambda reading: reading.memory_reserved_bytes,
    ),
    (
        _gauge("memory_total_bytes", f"Memory of the GPU.{_OF_INSTANCES}", "nvmlDeviceGetMemoryInfo"),
        lambda reading: reading.memory_total_bytes,
    ),
    (
        _gauge(
            "bar1_memory_used_bytes",
            "Memory mapped for access over PCIe that is in use.",
            "nvmlDeviceGetBAR1MemoryInfo",
        ),
        lambda reading: reading.standing.bar1_memory_used_bytes,
    ),
    (
        _gauge(
            "bar1_memory_free_bytes", "Memory mapped for access over PCIe that is free.", "nvmlDeviceGetBAR1MemoryInfo"
        ),
        lambda reading: reading.standing.bar1_memory_free_bytes,
    ),
    (
        _gauge("bar1_memory_total_bytes", "Memory mapped for access over PCIe.", "nvmlDeviceGetBAR1MemoryInfo"),
        lambda reading: reading.standing.bar1_memory_total_bytes,
    ),
    (
        _gauge(
            "power_watts",
            "Power that the GPU draws: over the last second on Ampere and later, at the moment on GA100 and before.",
            "nvmlDeviceGetPowerUsage",
        ),
        lambda reading: reading.power_watts,
    ),
    (
        _gauge("power_instant_watts", "Power that the GPU draws at the moment.", f"{_FIELDS}: POWER_INSTANT"),
        lambda reading: reading.power_instant_watts,
    ),
    (
        _gauge("power_average_watts", "Power that the GPU drew over the last second.", f"{_FIELDS}: POWER_AVERAGE"),
        lambda reading: reading.power_average_watts,
    ),
    (
        _gauge("power_limit_watts", "Power limit in force on the GPU.", "nvmlDeviceGetEnforcedPowerLimit"),
        lambda reading: reading.power_limit_watts,
    ),
    (
        _gauge(
            "power_default_limit_watts",
            "Power limit that the GPU has when it is started.",
            "nvmlDeviceGetPowerManagementDefaultLimit",
        ),
        lambda reading: reading.standing.power_default_limit_watts,
    ),
    (
        _gauge(
            "power_min_limit_watts",
            "The lowest power limit that can be set on the GPU.",
            "nvmlDeviceGetPowerManagementLimitConstraints",
        ),
        lambda reading: reading.standing.power_min_limit_watts,
    ),
    (
        _gauge(
            "power_max_limit_watts",
            "The highest power limit that can be set on the GPU.",
            "nvmlDeviceGetPowerManagementLimitConstraints",
        ),
        lambda reading: reading.standing.power_max_limit_watts,
    ),
    (
        _counter(
            "energy_joules",
            "Energy that the GPU used since its driver was loaded.",
            "nvmlDeviceGetTotalEnergyConsumption",
        ),
        lambda reading: reading.energy_joules,
    ),
    (
        _gauge("temperature_celsius", "Temperature of the GPU's die.", "nvmlDeviceGetTemperatureV"),
        lambda reading: reading.temperature_celsius,
    ),
    (
        _gauge("memory_temperature_celsius", "Temperature of the GPU's memory.", f"{_FIELDS}: MEMORY_TEMP"),
        lambda reading: reading.memory_temperature_celsius,
    ),
    (
        _gauge(
            "temperature_margin_celsius",
            "How far it is to the temperature at which the GPU slows down.",
            "nvmlDeviceGetMarginTemperature",
        ),
        lambda reading: reading.temperature_margin_celsius,
    ),
    (
        _gauge(
            "performance_state",
            "P-state of the GPU: 0, the fastest, to 15.",
            "nvmlDeviceGetPerformanceState",
        ),
        lambda reading: reading.performance_state,
    ),
    (
        _gauge(
            "pcie_generation",
            "Generation of PCIe that the GPU's link runs at now; it may fall while the GPU is idle.",
            "nvmlDeviceGetCurrPcieLinkGeneration",
        ),
        lambda reading: reading.standing.pcie_generation,
    ),
    (
        _gauge(
            "pcie_max_generation",
            "The highest generation of PCIe that the GPU and its slot can run at.",
            "nvmlDeviceGetMaxPcieLinkGeneration",
        ),
        lambda reading: reading.standing.pcie_max_generation,
    ),
    (
        _gauge("pcie_lanes", "PCIe lanes that the GPU's link has now.", "nvmlDeviceGetCurrPcieLinkWidth"),
        lambda reading: reading.standing.pcie_width,
    ),
    (
        _gauge(
            "pcie_max_lanes",
            "The most PCIe lanes that the GPU and its slot can have.",
            "nvmlDeviceGetMaxPcieLinkWidth",
        ),
        lambda reading: reading.standing.pcie_max_width,
    ),
    (
        _counter("pcie_replays", "Packets that were sent again over PCIe.", "nvmlDeviceGetPcieReplayCounter"),
        lambda reading: reading.standing.pcie_replays,
    ),
    (
        _gauge("nvlink_links", "NVLinks that the GPU has.", "nvmlDeviceGetNvLinkState"),
        lambda reading: reading.standing.nvlinks,
    ),
    (
        _gauge("nvlink_links_active", "NVLinks of the GPU that stand.", "nvmlDeviceGetNvLinkState"),
        lambda reading: reading.standing.nvlinks_active,
    ),
    (
        _gauge("ecc_enabled", "1 if the GPU's memory corrects errors (ECC), else 0.", "nvmlDeviceGetEccMode"),
        lambda reading: reading.standing.ecc_enabled,
    ),
    (
        _counter(
            "ecc_uncorrected_errors",
            "Errors in the GPU's memories that were not corrected, since the driver was loaded; absent where there are"
            " none. All of them, by kind: taximeter_gpu_ecc_errors_total.",
            "nvmlDeviceGetTotalEccErrors (volatile)",
        ),
        lambda reading: reading.standing.ecc_errors.get("uncorrected") or None,
    ),
    (
        _gauge(
            "retired_pages_pending",
            "1 if pages of the GPU's memory are to be retired at the next restart, else 0.",
            f"{_FIELDS}: RETIRED_PENDING",
        ),
        lambda reading: reading.standing.retired_pages_pending,
    ),
    (
        _gauge(
            "remapped_rows_pending",
            "1 if rows of the GPU's memory are to be remapped at the next reset, else 0.",
            "nvmlDeviceGetRemappedRows",
        ),
        lambda reading: reading.standing.remapped_rows_pending,
    ),
    (
        _gauge(
            "row_remap_failed",
            "1 if a row of the GPU's memory could not be remapped, else 0.",
            "nvmlDeviceGetRemappedRows",
        ),
        lambda reading: reading.standing.row_remap_failed,
    ),
    (
        _gauge("processes", f"Compute processes on the GPU.{_OF_INSTANCES}", "nvmlDeviceGetComputeRunningProcesses"),
        lambda reading: None if reading.processes is None else len(reading.processes),
    ),
)
"""Those with one value a device."""


def _activity(name: str, help: str, metric: str) -> tuple[MetricSpec, Callable[[Reading], float | None]]:  # noqa: A002
    spec = _gauge(name, f"{help}, since 5 seconds ago (Hopper and later).{_OF_INSTANCES}", f"{_GPM}: {metric}")
    return spec, lambda reading: reading.activity_ratios.get(spec.name)


ACTIVITIES: tuple[tuple[MetricSpec, Callable[[Reading], float | None]], ...] = (
    _activity(
        "graphics_activity_ratio", "Share of the time in which any work was on the GPU's engines", "GRAPHICS_UTIL"
    ),
    _activity("sm_activity_ratio", "Share of the multiprocessors that worked, on average", "SM_UTIL"),
    _activity(
        "sm_occupancy_ratio",
        "Warps on the multiprocessors, of those that there is room for, on average",
        "SM_OCCUPANCY",
    ),
    _activity("tensor_activity_ratio", "Share of the time in which tensor cores worked, on average", "ANY_TENSOR_UTIL"),
    _activity("dram_activity_ratio", "Bandwidth of the memory in use, of all that there is", "DRAM_BW_UTIL"),
    _activity(
        "fp64_activity_ratio", "Share of the time in which the units for FP64 worked, tensor cores apart", "FP64_UTIL"
    ),
    _activity(
        "fp32_activity_ratio", "Share of the time in which the units for FP32 worked, tensor cores apart", "FP32_UTIL"
    ),
    _activity(
        "fp16_activity_ratio", "Share of the time in which the units for FP16 worked, tensor cores apart", "FP16_UTIL"
    ),
    _activity("integer_activity_ratio", "Share of the time in which the units for integers worked", "INTEGER_UTIL"),
)
"""What GPM says."""


def _seconds(nanoseconds: Mapping[str, int]) -> Mapping[str, float]:
    return {name: ns / NS_PER_SECOND for name, ns in nanoseconds.items()}


MAPPINGS: tuple[tuple[MetricSpec, Callable[[Reading], Mapping[str, float]]], ...] = (
    (
        _gauge(
            "engine_utilization_ratio",
            "Share of the last sample period in which an engine worked: encoder, decoder, jpeg, ofa (optical flow).",
            "nvmlDeviceGetEncoderUtilization, …Decoder…, …Jpg…, …Ofa…",
            "engine",
        ),
        lambda reading: reading.engine_utilization_ratios,
    ),
    (
        _gauge("clock_hertz", "Clock of the GPU now: graphics, sm, memory, video.", "nvmlDeviceGetClockInfo", "clock"),
        lambda reading: reading.clocks_hertz,
    ),
    (
        _gauge("clock_max_hertz", "The highest that a clock of the GPU can be.", "nvmlDeviceGetMaxClockInfo", "clock"),
        lambda reading: reading.standing.clocks_max_hertz,
    ),
    (
        _gauge(
            "throttle_active",
            "1 if this holds the GPU's clocks down now, else 0.",
            "nvmlDeviceGetCurrentClocksEventReasons",
            "reason",
        ),
        lambda reading: reading.throttle,
    ),
    (
        _counter(
            "throttle_seconds",
            "For how long this has held the GPU's clocks down: since the driver was loaded where it counts that itself"
            " (newer ones do of power, sync boost and heat), else as readings showed it since the exporter began.",
            f"{_FIELDS}: CLOCKS_EVENT_REASON_…, else nvmlDeviceGetCurrentClocksEventReasons",
            "reason",
        ),
        lambda reading: _seconds(reading.throttle_ns),
    ),
    (
        _gauge(
            "temperature_threshold_celsius",
            "Temperature of the GPU at which it does something, or should not go beyond.",
            "nvmlDeviceGetTemperatureThreshold",
            "threshold",
        ),
        lambda reading: reading.standing.temperature_thresholds_celsius,
    ),
    (
        _gauge(
            "temperature_margin_limit_celsius",
            "The same as the margin (taximeter_gpu_temperature_margin_celsius) that is left then, on Ada and later.",
            f"{_FIELDS}: TEMPERATURE_…_TLIMIT",
            "threshold",
        ),
        lambda reading: reading.standing.temperature_margin_limits_celsius,
    ),
    (
        _gauge(
            "fan_speed_ratio",
            "Speed that a fan of the GPU is meant to have, of its full speed.",
            "nvmlDeviceGetFanSpeed_v2",
            "fan",
        ),
        lambda reading: reading.standing.fan_speed_ratios,
    ),
    (
        _counter(
            "pcie_bytes",
            "What the GPU sent (transmit) and got (receive) over PCIe.",
            f"{_FIELDS}: PCIE_COUNT_TX_BYTES, …RX…, else {_GPM}",
            "direction",
        ),
        lambda reading: reading.pcie_bytes,
    ),
    (
        _gauge(
            "pcie_bytes_per_second",
            "What the GPU sent and got over PCIe in 20 ms a while ago; only where nothing counts the bytes.",
            "nvmlDeviceGetPcieThroughput",
            "direction",
        ),
        lambda reading: reading.standing.pcie_bytes_per_second,
    ),
    (
        _counter(
            "nvlink_bytes",
            "What the GPU sent (transmit) and got (receive) over all its NVLinks.",
            f"{_FIELDS}: NVLINK_THROUGHPUT_DATA_TX, …RX, else {_GPM}",
            "direction",
        ),
        lambda reading: reading.nvlink_bytes,
    ),
    (
        _counter(
            "nvlink_errors",
            "Errors on all NVLinks of the GPU: crc_flit, crc_data, replay, recovery, ecc.",
            f"{_FIELDS}: NVLINK_…_ERROR_COUNT_TOTAL",
            "kind",
        ),
        lambda reading: reading.standing.nvlink_errors,
    ),
    (
        _counter(
            "ecc_errors",
            "Errors in the GPU's memories since the driver was loaded: corrected, uncorrected.",
            "nvmlDeviceGetTotalEccErrors (volatile)",
            "kind",
        ),
        lambda reading: reading.standing.ecc_errors,
    ),
    (
        _counter(
            "ecc_lifetime_errors",
            "Errors in the GPU's memories since it was made: corrected, uncorrected.",
            "nvmlDeviceGetTotalEccErrors (aggregate)",
            "kind",
        ),
        lambda reading: reading.standing.ecc_lifetime_errors,
    ),
    (
        _counter(
            "retired_pages",
            "Pages of the GPU's memory that were retired (before Ampere), by the errors that were the cause.",
            f"{_FIELDS}: RETIRED_SBE, RETIRED_DBE",
            "cause",
        ),
        lambda reading: reading.standing.retired_pages,
    ),
    (
        _counter(
            "remapped_rows",
            "Rows of the GPU's memory that were remapped (Ampere and later), by the errors that were the cause.",
            "nvmlDeviceGetRemappedRows",
            "cause",
        ),
        lambda reading: reading.standing.remapped_rows,
    ),
    (
        MetricSpec(
            "refused_readings",
            "Values that the driver gave and that cannot be, such as a utilization of 4294967295 percent, by the metric"
            " that they would have been of; each is left out.",
            "the check of every reading",
            (*_GPU, "reading"),
            counter=True,
        ),
        lambda reading: reading.refused,
    ),
)
"""Those with a value for each of the entries that their last label tells apart."""

XID_ERRORS = _counter(
    "xid_errors",
    "XID errors of the GPU that the driver reported since the exporter began, by their code; also while the GPU"
    " cannot be read.",
    "nvmlEventSetWait_v2",
    "xid",
)
XID_LAST = _gauge(
    "xid_last_timestamp_seconds",
    "When the driver last reported an XID error of this code since the exporter began; also while the GPU cannot be"
    " read.",
    "nvmlEventSetWait_v2",
    "xid",
)
REFUSED_LAST = MetricSpec(
    "refused_readings_last_timestamp_seconds",
    "When the driver last gave a value of this metric that cannot be.",
    "the check of every reading",
    (*_GPU, "reading"),
)
MEMORY_PEAK = _gauge(
    "memory_used_peak_bytes",
    "The most memory of the GPU that was in use within the last day, by every sample; absent until the exporter has"
    f" read it for six hours.{_OF_INSTANCES}",
    "nvmlDeviceGetMemoryInfo",
)
CONDITION = _gauge(
    "condition",
    "1 while something is wrong with the GPU, and absent while it is not: down (it cannot be read), hot (it, or its"
    " memory, is at the temperature at which it slows down), slowed_down (heat or the power supply held its clocks"
    " down for more than a quarter of the last five minutes), row_remap_failed, repair_pending (rows or pages of its"
    " memory wait for its next reset), memory_unused (runs had it for six hours of the last day, and less than a"
    " quarter of its memory was ever in use).",
    "all readings of the GPU; the ledger",
    "condition",
)
PROCESS_MEMORY = MetricSpec(
    "process_memory_used_bytes",
    "Memory of the GPU that a process has; only with `process_metrics: true`.",
    "nvmlDeviceGetComputeRunningProcesses",
    (*_GPU, "pid"),
)
PROCESS_SM = MetricSpec(
    "process_sm_utilization_ratio",
    "Share of the time in which a process kept the GPU's multiprocessors busy; only with `process_metrics: true`.",
    "nvmlDeviceGetProcessUtilization",
    (*_GPU, "pid"),
)

ALL = (
    INFO,
    MIG_INSTANCE_INFO,
    UP,
    CONDITION,
    *(spec for spec, _ in VALUES),
    *(spec for spec, _ in ACTIVITIES),
    *(spec for spec, _ in MAPPINGS),
    XID_ERRORS,
    XID_LAST,
    REFUSED_LAST,
    MEMORY_PEAK,
    PROCESS_MEMORY,
    PROCESS_SM,
)
