"""Who is on the GPUs: MIG instances, runs and processes."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus.selection import DEVICE, LEGEND, by_device, highest, of
from dashboards_src.layer import units
from dashboards_src.layer.panels import LAST, MAX, MEAN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import HOST, select
from dashboards_src.shared import ranking
from dashboards_src.shared.ranking import AT_MOST, ROWS

_PROCESS = f"{DEVICE}, pid"


def mig_instances() -> Panel:
    """Each MIG instance and the GPU that it is in."""
    info = of("taximeter_mig_instance_info")
    parent = f'label_replace({select("taximeter_gpu_info", HOST)}, "gpu_uuid", "$1", "uuid", "(.*)")'

    def of_instances(metric: str) -> str:
        return f"{by_device(of(metric))} and on ({DEVICE}) {info}"

    return table(
        title="MIG instances",
        description=(
            "Each MIG instance, and the GPU that it is a part of. It has memory, processes and activity of its own; "
            "power, temperature and health are the GPU's."
        ),
        queries=[
            rows(f"max by ({DEVICE}, gpu_uuid, gpu_instance) ({info})"),
            rows(f"max by ({DEVICE}, mig_profile) ({of('taximeter_gpu_info')} and on ({DEVICE}) {info})"),
            rows(
                f"max by (instance, uuid, gpu_uuid, model) ({info} * on (instance, gpu_uuid) group_left (model) "
                f"max by (instance, gpu_uuid, model) ({parent}))"
            ),
            rows(of_instances("taximeter_gpu_up")),
            rows(of_instances("taximeter_gpu_memory_used_bytes")),
            rows(of_instances("taximeter_gpu_memory_total_bytes")),
            rows(of_instances("taximeter_gpu_sm_activity_ratio")),
            rows(of_instances("taximeter_gpu_processes")),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "Instance", width=80),
            Column("Value #E", "Memory used", units.BYTES, decimals=1, width=110),
            Column("Value #F", "Memory", units.BYTES, decimals=1, width=100),
            Column("Value #G", "SM activity", units.RATIO, decimals=0, width=100),
            Column("Value #H", "Processes", units.COUNT, decimals=0, width=90),
            Column("mig_profile", "Profile", width=100),
            Column("gpu_instance", "GPU instance", width=110),
            Column("model", "In"),
            Column("gpu_uuid", "GPU's UUID"),
        ],
        sort_by="Host",
        no_value="no MIG instance",
    )


def processes() -> Panel:
    """How many processes are on each device."""
    return lines(
        title="Processes",
        description=f"Compute processes on each GPU or MIG instance: the {AT_MOST} with most of the chosen.",
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(of("taximeter_gpu_processes")), LEGEND)],
    )


def memory_of_runs() -> Panel:
    """The memory that each run has."""
    used = f"sum by (instance, run) ({select('taximeter_run_gpu_memory_used_bytes', HOST)})"
    return lines(
        title="Memory, by run",
        description=f"Memory that the processes of each run have on the GPUs of a host: the {AT_MOST} highest.",
        unit=units.BYTES,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(ranking.highest(used, by="instance, run"), "{{run}}, {{instance}}")],
        no_value="no run whose processes tell",
    )


def multiprocessors_of_runs() -> Panel:
    """How much each run keeps the multiprocessors busy."""
    busy = f"avg by (instance, run) ({select('taximeter_run_gpu_sm_utilization_ratio', HOST)})"
    return lines(
        title="Multiprocessors, by run",
        description=(
            "Share of the time in which the processes of each run kept the multiprocessors of its GPUs busy, on "
            f"average: the {AT_MOST} lowest on a host."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(ranking.lowest(busy, by="instance, run"), "{{run}}, {{instance}}")],
        no_value="no run whose processes tell",
    )


def by_process() -> Panel:
    """Each process, where the exporter is asked for them."""
    memory = f"topk({ROWS}, max by ({_PROCESS}) ({of('taximeter_process_memory_used_bytes')}))"
    busy = f"max by ({_PROCESS}) ({of('taximeter_process_sm_utilization_ratio')})"
    return table(
        title="Processes on GPUs",
        description=f"The {ROWS} processes with most memory; only from exporters with process_metrics: true.",
        queries=[rows(memory), rows(f"topk({ROWS}, {busy})")],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "GPU", width=50),
            Column("pid", "PID", width=78),
            Column("Value #A", "Memory", units.BYTES, decimals=1, width=100),
            Column("Value #B", "Multiprocessors", units.RATIO, decimals=0, width=130),
        ],
        sort_by="Memory",
        descending=True,
        no_value="no exporter is asked for processes",
    )
