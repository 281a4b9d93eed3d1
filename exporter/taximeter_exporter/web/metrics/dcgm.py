"""What dcgm-exporter calls the readings of a GPU, in its units: as up to its version 4.8, and as since 4.9.

A name is here only if one of the sources below has it; `source` says which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from taximeter_exporter.devices.reading import Sample

_CSV = "dcgm-exporter 4.8.2, etc/default-counters.csv"
_HEADER = "DCGM 4.6.1, dcgm_fields.h"
_NOTES = "release notes of dcgm-exporter 4.9.0"
_QUOTED = "NVIDIA's Field Identifiers of DCGM 4.7.0, as the repository jackliusr/research quotes them"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a value is counted in, and how it comes from our base unit."""

    words: str
    of: Callable[[float], float] = float


_COUNT = Unit("")
_RATIO = Unit("ratio (0–1)")
_PERCENT = Unit("percent", lambda ratio: round(ratio * 100))
_BYTES = Unit("bytes")
_MIB = Unit("MiB", lambda size: size // 2**20)
_HERTZ = Unit("hertz")
_MHZ = Unit("MHz", lambda hertz: hertz / 1e6)
_JOULES = Unit("joules")
_MILLIJOULES = Unit("mJ", lambda joules: round(joules * 1000))
_WATTS = Unit("watts")
_CELSIUS = Unit("celsius")
_BYTES_PER_SECOND = Unit("bytes per second")


@dataclass(frozen=True, slots=True)
class Name:
    """A name, what it is counted in, and who says so."""

    name: str
    unit: Unit
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DcgmField:
    """One quantity under its names."""

    help: str
    ours: str
    """The metric of ours that says the same."""
    value: Callable[[Sample], float | None]
    """In our unit; `None` without a reading."""
    legacy: Name
    """Up to 4.8."""
    current: Name
    """Since 4.9; the same as `legacy` where that has not changed."""
    counter: bool = False


def _of_reading(value: Callable[..., float | None]) -> Callable[[Sample], float | None]:
    return lambda sample: None if sample.reading is None else value(sample.reading)


def _field(
    help: str,  # noqa: A002 (as Prometheus calls it)
    ours: str,
    value: Callable[..., float | None],
    legacy: tuple[str, Unit],
    current: tuple[str, Unit, str] | None = None,
    *,
    legacy_source: str = _CSV,
    counter: bool = False,
) -> DcgmField:
    """`current` is left out where the name has not changed; names are without `DCGM_FI_`."""
    before = Name(f"DCGM_FI_{legacy[0]}", legacy[1], legacy_source)
    now = before if current is None else Name(f"DCGM_FI_{current[0]}", *current[1:])
    return DcgmField(help=help, ours=ours, value=_of_reading(value), legacy=before, current=now, counter=counter)


def _latest_xid(sample: Sample) -> float | None:
    return next(reversed(list(sample.xid_errors)), None)


def _activity(what: str, ours: str, legacy: str, current: str) -> DcgmField:
    return _field(
        f"Share of the time, 0 to 1: {what}.",
        f"gpu_{ours}_ratio",
        lambda reading: reading.activity_ratios.get(f"gpu_{ours}_ratio"),
        (f"PROF_{legacy}", _RATIO),
        (f"PROF_{current}", _RATIO, _HEADER),
    )


FIELDS = (
    _field(
        "Clock of the multiprocessors.",
        "gpu_clock_hertz",
        lambda reading: reading.clocks_hertz.get("sm"),
        ("DEV_SM_CLOCK", _MHZ),
        ("DEV_SM_CLOCK_HERTZ", _HERTZ, _HEADER),
    ),
    _field(
        "Clock of the memory.",
        "gpu_clock_hertz",
        lambda reading: reading.clocks_hertz.get("memory"),
        ("DEV_MEM_CLOCK", _MHZ),
        ("DEV_MEMORY_CLOCK_HERTZ", _HERTZ, _HEADER),
    ),
    _field(
        "Temperature of the memory.",
        "gpu_memory_temperature_celsius",
        lambda reading: reading.memory_temperature_celsius,
        ("DEV_MEMORY_TEMP", _CELSIUS),
        ("DEV_MEMORY_TEMP_CELSIUS", _CELSIUS, _HEADER),
    ),
    _field(
        "Temperature of the GPU.",
        "gpu_temperature_celsius",
        lambda reading: reading.temperature_celsius,
        ("DEV_GPU_TEMP", _CELSIUS),
        ("DEV_GPU_TEMP_CELSIUS", _CELSIUS, _HEADER),
    ),
    _field(
        "Power that the GPU draws.",
        "gpu_power_watts",
        lambda reading: reading.power_watts,
        ("DEV_POWER_USAGE", _WATTS),
        ("DEV_BOARD_POWER_WATTS", _WATTS, _HEADER),
    ),
    _field(
        "Power limit in force.",
        "gpu_power_limit_watts",
        lambda reading: reading.power_limit_watts,
        ("DEV_ENFORCED_POWER_LIMIT", _WATTS),
        ("DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", _WATTS, _HEADER),
        legacy_source=_HEADER,
    ),
    _field(
        "Energy since the driver was loaded.",
        "gpu_energy_joules_total",
        lambda reading: reading.energy_joules,
        ("DEV_TOTAL_ENERGY_CONSUMPTION", _MILLIJOULES),
        ("DEV_GPU_ENERGY_JOULES_TOTAL", _JOULES, _HEADER),
        counter=True,
    ),
    _field(
        "Packets that were sent again over PCIe.",
        "gpu_pcie_replays_total",
        lambda reading: reading.standing.pcie_replays,
        ("DEV_PCIE_REPLAY_COUNTER", _COUNT),
        ("DEV_PCIE_REPLAY_TOTAL", _COUNT, _HEADER),
        counter=True,
    ),
    _field(
        "Share of the time in which a kernel ran.",
        "gpu_utilization_ratio",
        lambda reading: reading.utilization_ratio,
        ("DEV_GPU_UTIL", _PERCENT),
        ("DEV_GPU_UTIL_RATIO", _RATIO, _QUOTED),
    ),
    _field(
        "Share of the time in which the memory was read or written.",
        "gpu_memory_bandwidth_utilization_ratio",
        lambda reading: reading.memory_bandwidth_utilization_ratio,
        ("DEV_MEM_COPY_UTIL", _PERCENT),
        ("DEV_MEMORY_UTIL_RATIO", _RATIO, _QUOTED),
    ),
    _field(
        "Share of the time in which the encoder worked.",
        "gpu_engine_utilization_ratio",
        lambda reading: reading.engine_utilization_ratios.get("encoder"),
        ("DEV_ENC_UTIL", _PERCENT),
        ("DEV_ENC_UTIL_RATIO", _RATIO, _QUOTED),
    ),
    _field(
        "Share of the time in which the decoder worked.",
        "gpu_engine_utilization_ratio",
        lambda reading: reading.engine_utilization_ratios.get("decoder"),
        ("DEV_DEC_UTIL", _PERCENT),
        ("DEV_DEC_UTIL_RATIO", _RATIO, _QUOTED),
    ),
    DcgmField(
        help="Code of the latest XID error; nothing as long as there was none since the exporter began.",
        ours="gpu_xid_errors_total",
        value=_latest_xid,
        legacy=Name("DCGM_FI_DEV_XID_ERRORS", _COUNT, _CSV),
        current=Name("DCGM_FI_DEV_XID_ERROR", _COUNT, _HEADER),
    ),
    _field(
        "Memory that is free.",
        "gpu_memory_free_bytes",
        lambda reading: reading.memory_free_bytes,
        ("DEV_FB_FREE", _MIB),
        ("DEV_FB_FREE_BYTES", _BYTES, _QUOTED),
    ),
    _field(
        "Memory in use.",
        "gpu_memory_used_bytes",
        lambda reading: reading.memory_used_bytes,
        ("DEV_FB_USED", _MIB),
        ("DEV_FB_USED_BYTES", _BYTES, _QUOTED),
    ),
    _field(
        "Memory that the driver and the firmware keep.",
        "gpu_memory_reserved_bytes",
        lambda reading: reading.memory_reserved_bytes,
        ("DEV_FB_RESERVED", _MIB),
        ("DEV_FB_RESERVED_BYTES", _BYTES, _QUOTED),
    ),
    _field(
        "Memory that there is.",
        "gpu_memory_total_bytes",
        lambda reading: reading.memory_total_bytes,
        ("DEV_FB_TOTAL", _MIB),
        ("DEV_FB_CAPACITY_BYTES", _BYTES, _NOTES),
        legacy_source=_HEADER,
    ),
    *(
        _field(
            f"{kind.capitalize()} errors of the memories since {since}.",
            f"gpu_ecc{ours}_errors_total",
            lambda reading, kind=kind, ours=ours: getattr(reading.standing, f"ecc{ours}_errors").get(kind),
            (f"DEV_ECC_{bits}_{period}_TOTAL", _COUNT),
            counter=True,
        )
        for period, ours, since in (("VOL", "", "the driver was loaded"), ("AGG", "_lifetime", "the GPU was made"))
        for bits, kind in (("SBE", "corrected"), ("DBE", "uncorrected"))
    ),
    _field(
        "Pages of the memory retired for single-bit errors.",
        "gpu_retired_pages_total",
        lambda reading: reading.standing.retired_pages.get("multiple_single_bit"),
        ("DEV_RETIRED_SBE", _COUNT),
        ("DEV_PAGE_RETIRED_SBE_TOTAL", _COUNT, _HEADER),
        counter=True,
    ),
    _field(
        "Pages of the memory retired for double-bit errors.",
        "gpu_retired_pages_total",
        lambda reading: reading.standing.retired_pages.get("double_bit"),
        ("DEV_RETIRED_DBE", _COUNT),
        ("DEV_PAGE_RETIRED_DBE_TOTAL", _COUNT, _HEADER),
        counter=True,
    ),
    _field(
        "1 if pages of the memory are to be retired, else 0.",
        "gpu_retired_pages_pending",
        lambda reading: reading.standing.retired_pages_pending,
        ("DEV_RETIRED_PENDING", _COUNT),
        ("DEV_PAGE_RETIRED_PENDING", _COUNT, _HEADER),
        counter=True,
    ),
    _field(
        "Rows of the memory remapped for uncorrectable errors.",
        "gpu_remapped_rows_total",
        lambda reading: reading.standing.remapped_rows.get("uncorrected"),
        ("DEV_UNCORRECTABLE_REMAPPED_ROWS", _COUNT),
        ("DEV_ROW_REMAP_UNCORRECTABLE_TOTAL", _COUNT, _HEADER),
        counter=True,
    ),
    _field(
        "Rows of the memory remapped for correctable errors.",
        "gpu_remapped_rows_total",
        lambda reading: reading.standing.remapped_rows.get("corrected"),
        ("DEV_CORRECTABLE_REMAPPED_ROWS", _COUNT),
        ("DEV_ROW_REMAP_CORRECTABLE_TOTAL", _COUNT, _HEADER),
        counter=True,
    ),
    _field(
        "1 if a row of the memory could not be remapped, else 0.",
        "gpu_row_remap_failed",
        lambda reading: reading.standing.row_remap_failed,
        ("DEV_ROW_REMAP_FAILURE", _COUNT),
        ("DEV_ROW_REMAP_FAILED", _COUNT, _HEADER),
    ),
    *(
        _field(
            f"Errors on all NVLinks: {kind}.",
            "gpu_nvlink_errors_total",
            lambda reading, kind=kind: reading.standing.nvlink_errors.get(kind),
            (f"DEV_NVLINK_{kind.upper()}_ERROR_COUNT_TOTAL", _COUNT),
            (f"DEV_NVLINK_{kind.upper()}_ERROR_TOTAL", _COUNT, _HEADER),
            counter=True,
        )
        for kind in ("crc_flit", "crc_data")
    ),
    _activity("any work on the engines", "graphics_activity", "GR_ENGINE_ACTIVE", "GR_ENGINE_UTIL_RATIO"),
    _activity("multiprocessors with work", "sm_activity", "SM_ACTIVE", "SM_UTIL_RATIO"),
    _activity("warps, of those that there is room for", "sm_occupancy", "SM_OCCUPANCY", "SM_OCCUPANCY_RATIO"),
    _activity("tensor cores at work", "tensor_activity", "PIPE_TENSOR_ACTIVE", "TENSOR_UTIL_RATIO"),
    _activity("the memory's bandwidth in use", "dram_activity", "DRAM_ACTIVE", "DRAM_UTIL_RATIO"),
    _activity("units for FP64 at work", "fp64_activity", "PIPE_FP64_ACTIVE", "FP64_UTIL_RATIO"),
    _activity("units for FP32 at work", "fp32_activity", "PIPE_FP32_ACTIVE", "FP32_UTIL_RATIO"),
    _activity("units for FP16 at work", "fp16_activity", "PIPE_FP16_ACTIVE", "FP16_UTIL_RATIO"),
    *(
        _field(
            f"Bytes {verb} over PCIe a second; only where nothing counts them.",
            "gpu_pcie_bytes_per_second",
            lambda reading, direction=direction: reading.standing.pcie_bytes_per_second.get(direction),
            (f"PROF_PCIE_{letters}_BYTES", _BYTES_PER_SECOND),
        )
        for letters, direction, verb in (("TX", "transmit", "sent"), ("RX", "receive", "received"))
    ),
)
"""The table."""
