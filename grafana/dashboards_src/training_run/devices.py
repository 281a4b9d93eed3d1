"""What the runs' devices do, and what went wrong on them."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import Steps, dashed, words
from dashboards_src.layer.panels import LAST, MAX, MEAN, MIN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import RUN, chosen, kept_of_project, of_project, rate, select
from dashboards_src.shared import runs

_NO_GPU = "no GPU that tells it by process"


def peak_memory() -> Panel:
    """The most memory that tensors held."""
    held = of_project(select("taximeter_training_peak_memory_bytes", RUN))
    return lines(
        title="Peak memory of tensors",
        description=(
            "The most memory of a device that the training's tensors held at once, on the rank that needed most. A "
            "training on a CPU has no reading."
        ),
        unit=units.BYTES,
        minimum=0,
        legend=(MAX,),
        queries=[over_time(f"max by (run) {held}", "{{run}}")],
        no_value="no training on a GPU",
    )


def gpu_memory() -> Panel:
    """Memory of GPUs that the runs' processes have."""
    used = of_project(select("taximeter_run_gpu_memory_used_bytes", RUN))
    return lines(
        title="GPU memory by run",
        description="Memory of GPUs that the processes of each run have: on the fullest GPU, and on all (dashed).",
        unit=units.BYTES,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(f"max by (run) {used}", "{{run}} fullest"),
            over_time(f"sum by (run) {used}", "{{run}} all"),
        ],
        no_value=_NO_GPU,
        overrides=[dashed(" all$")],
    )


def gpu_use() -> Panel:
    """How busy the runs keep the multiprocessors."""
    use = of_project(select("taximeter_run_gpu_sm_utilization_ratio", RUN))
    return lines(
        title="SM utilisation by run",
        description=(
            "Share of the time in which the processes of each run kept a GPU's multiprocessors busy: the mean over "
            "its GPUs, and the least used one (dashed), which shows a rank that has nothing to do."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MEAN, MIN),
        queries=[
            over_time(f"avg by (run) {use}", "{{run}} mean"),
            over_time(f"min by (run) {use}", "{{run}} least"),
        ],
        no_value=_NO_GPU,
        overrides=[dashed(" least$")],
    )


def power() -> Panel:
    """Power that each run's devices draw."""
    energy = of_project(rate(select("taximeter_run_energy_joules_total", RUN)))
    return lines(
        title="Power by run",
        description="What the devices of each run draw, each by the run's share of it. A host has no reading.",
        unit=units.WATTS,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(f"sum by (run) {energy} > 0", "{{run}}", min_step=runs.BOOKED_EVERY)],
        no_value="no GPU that reports power",
    )


def devices_in_use() -> Panel:
    """How many devices each run holds."""
    seconds = of_project(rate(select("taximeter_run_device_seconds_total", RUN)))
    return lines(
        title="Devices by run",
        description="How many devices each run pays for; a device that runs share counts by the run's share.",
        unit=units.COUNT,
        decimals=1,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(f"sum by (run) {seconds} > 0", "{{run}}", min_step=runs.BOOKED_EVERY)],
        no_value="no run that an exporter meters",
    )


def trouble() -> Panel:
    """What each run had to do twice or may have to, and whether its exporter answers."""
    counts = (
        "taximeter_training_steps_total",
        "taximeter_training_out_of_memory_total",
        "taximeter_training_checkpoint_failures_total",
    )
    lost = ("taximeter_training_lost_steps_total", "taximeter_training_lost_seconds_total")
    some: Steps = ((None, "text"), (1, colours.LOST))
    return table(
        title="Lost and repeated",
        description=(
            "Out of memory: steps that were done again in smaller pieces. Unsaved: checkpoints that could not be "
            "written. Lost: steps, and their time, that a kill undid. Metered: whether the exporter answered the run's "
            "last renewal; while it does not, the cost goes on at the last price, and a run with a price by hand asks "
            "none."
        ),
        queries=[
            *(rows(chosen(runs.counted_by(metric, runs.FIRST_RANK))) for metric in counts),
            *(rows(f"max by (run) {kept_of_project(select(metric, RUN, runs.FIRST_RANK))}") for metric in lost),
            rows(f"min by (run) {of_project(select('taximeter_training_exporter_up', RUN))}"),
        ],
        columns=[
            Column("run", "Run"),
            Column("Value #A", "Steps", units.COUNT, decimals=0, width=55),
            Column("Value #B", "Out of memory", units.COUNT, decimals=0, steps=some, width=118),
            Column("Value #C", "Unsaved", units.COUNT, decimals=0, steps=some, width=80),
            Column("Value #D", "Lost steps", units.COUNT, decimals=0, steps=some, width=85),
            Column("Value #E", "Lost time", units.SECONDS, decimals=1, width=82),
            Column(
                "Value #F",
                "Metered",
                mappings=words({"1": ("yes", colours.GOOD), "0": ("no", colours.BAD)}),
                width=80,
            ),
        ],
        sort_by="Lost steps",
        descending=True,
        no_value="no training",
    )
