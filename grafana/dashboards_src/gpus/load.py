"""How much the GPUs are used: the time, the memory, the units and engines, the clocks."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus.selection import LEGEND, highest, lowest, of
from dashboards_src.layer import units
from dashboards_src.layer.fields import dashed
from dashboards_src.layer.panels import LAST, MAX, MEAN, MIN, lines
from dashboards_src.layer.queries import over_time
from dashboards_src.promql import rate
from dashboards_src.shared import ranking
from dashboards_src.shared.ranking import AT_MOST

_UNITS = {
    "any work": "graphics",
    "multiprocessors": "sm",
    "tensor cores": "tensor",
    "memory bandwidth": "dram",
    "FP64": "fp64",
    "FP32": "fp32",
    "FP16": "fp16",
    "integers": "integer",
}


def utilisation() -> Panel:
    """The least used GPUs: they are paid for."""
    utilisation = of("taximeter_gpu_utilization_ratio")
    return lines(
        title="Utilisation by GPU",
        description=(
            f"Share of the time in which a kernel ran on the GPU (it may still be far from full): the {AT_MOST} least "
            "used of the chosen GPUs, and dashed the mean of all. MIG instances tell their activity instead."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MEAN),
        queries=[over_time(lowest(utilisation), LEGEND), over_time(f"avg({utilisation})", "mean of all")],
        overrides=[dashed("^mean of all$")],
    )


def memory() -> Panel:
    """The fullest memories."""
    used, total = (of(f"taximeter_gpu_memory_{name}_bytes") for name in ("used", "total"))
    return lines(
        title="Memory by GPU",
        description=(
            f"Used share of the memory of GPUs and MIG instances: the {AT_MOST} fullest of the chosen. At 100% the "
            "next allocation ends the run."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MAX),
        queries=[over_time(highest(f"{used} / {total}"), LEGEND)],
    )


def memory_in_bytes() -> Panel:
    """Where all memory is."""
    return lines(
        title="Memory of all",
        description="Memory of all chosen GPUs and MIG instances: in use, kept by driver and firmware, and free.",
        unit=units.BYTES,
        minimum=0,
        stacked=True,
        queries=[
            over_time(f"sum({of(f'taximeter_gpu_memory_{kind}_bytes')})", kind) for kind in ("used", "reserved", "free")
        ],
    )


def busy_time() -> Panel:
    """Utilization without gaps between samples, and how busy the memory was."""
    busy = rate(of("taximeter_gpu_busy_seconds_total"))
    return lines(
        title="Busy time, by host",
        description=(
            "Share of the time in which kernels ran, counted from every sample that the driver keeps: exact also "
            f"between two scrapes. The {AT_MOST} least used hosts; dashed the share in which memory was read or "
            "written, over all."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MEAN),
        queries=[
            over_time(ranking.lowest(f"avg by (instance) ({busy})", by="instance"), "{{instance}}"),
            over_time(f"avg({of('taximeter_gpu_memory_bandwidth_utilization_ratio')})", "memory of all"),
        ],
        overrides=[dashed("^memory of all$")],
    )


def units_at_work() -> Panel:
    """Which parts of the GPUs work."""
    return lines(
        title="Activity of the units",
        description=(
            "What share of each kind of unit works, on average over the chosen GPUs and MIG instances: a GPU that is "
            "used all the time may keep few of its units busy. On Hopper and later; dashed the warps, of those there "
            "is room for."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MEAN),
        queries=[
            *(over_time(f"avg({of(f'taximeter_gpu_{unit}_activity_ratio')})", name) for name, unit in _UNITS.items()),
            over_time(f"avg({of('taximeter_gpu_sm_occupancy_ratio')})", "occupancy"),
        ],
        no_value="no GPU that tells the activity of its units",
        overrides=[dashed("^occupancy$")],
    )


def tensor_cores() -> Panel:
    """The devices whose tensor cores work least."""
    return lines(
        title="Tensor cores",
        description=(
            f"Share of the time in which tensor cores worked, on the {AT_MOST} of the chosen GPUs and MIG instances "
            "where they worked least. Near zero in a training: it computes in FP32 without them."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(lowest(of("taximeter_gpu_tensor_activity_ratio")), LEGEND)],
        no_value="no GPU that tells the activity of its units",
    )


def engines() -> Panel:
    """Video, pictures, optical flow."""
    return lines(
        title="Engines",
        description=(
            "Share of the time in which the engines for video, JPEG pictures and optical flow (ofa) worked: mean of "
            "the chosen GPUs."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"avg by (engine) ({of('taximeter_gpu_engine_utilization_ratio')})", "{{engine}}")],
    )


def clocks() -> Panel:
    """The slowest clocks of multiprocessors."""
    sm = 'clock="sm"'
    return lines(
        title="Clock of the multiprocessors",
        description=f"The {AT_MOST} slowest of the chosen GPUs; dashed the highest that the fastest of them can have.",
        unit=units.HERTZ,
        decimals=2,
        minimum=0,
        legend=(LAST, MIN),
        queries=[
            over_time(lowest(of("taximeter_gpu_clock_hertz", sm)), LEGEND),
            over_time(f"max({of('taximeter_gpu_clock_max_hertz', sm)})", "highest"),
        ],
        overrides=[dashed("^highest$")],
    )


def all_clocks() -> Panel:
    """Each clock, of what it can be."""
    now, most = of("taximeter_gpu_clock_hertz"), of("taximeter_gpu_clock_max_hertz")
    return lines(
        title="Clocks, of their highest",
        description=(
            "Each clock of the chosen GPUs as a share of the highest that it can be, on average. They fall when a GPU "
            "is idle or throttled."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MIN),
        queries=[over_time(f"avg by (clock) ({now}) / avg by (clock) ({most})", "{{clock}}")],
    )


def performance_states() -> Panel:
    """How many GPUs are in each P-state."""
    return lines(
        title="GPUs by P-state",
        description=(
            "How many of the chosen GPUs are in each performance state: P0 is the fastest, P8 and beyond are for "
            "idling."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        stacked=True,
        queries=[
            over_time(
                f'sum by (state) (count_values("state", {of("taximeter_gpu_performance_state")}))',
                "P{{state}}",
            )
        ],
    )
