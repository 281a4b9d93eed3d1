"""How fast the training goes, and what holds it up."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import colours_of_names, dashed
from dashboards_src.layer.panels import LAST, MAX, MEAN, lines
from dashboards_src.layer.queries import over_time
from dashboards_src.promql import RUN, of_project, rate, select
from dashboards_src.shared.ranking import AT_MOST

_NO_TRAINING = "no training"
_FLOPS = of_project(rate(select("taximeter_training_flops_total", RUN)))


def throughput() -> Panel:
    """Samples per second of each run."""
    samples = of_project(rate(select("taximeter_training_samples_total", RUN)))
    return lines(
        title="Samples per second",
        description="How many samples each run trains on per second, all ranks together.",
        unit=units.PER_SECOND,
        decimals=0,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(f"sum by (run) {samples}", "{{run}}")],
        no_value=_NO_TRAINING,
    )


def step_time() -> Panel:
    """Median and 99th percentile of a step's duration."""
    buckets = of_project(rate(select("taximeter_training_step_seconds_bucket", RUN)))
    return lines(
        title="Step time",
        description=(
            "How long a training step takes, by run: the median, and the 99th percentile (dashed), which shows steps "
            "that hang. Estimated from a histogram."
        ),
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(f"histogram_quantile({quantile}, sum by (run, le) {buckets})", f"{{{{run}}}} {name}")
            for quantile, name in ((0.5, "p50"), (0.99, "p99"))
        ],
        no_value=_NO_TRAINING,
        overrides=[dashed(" p99$")],
    )


def phases() -> Panel:
    """Share of the time that each phase of training takes."""
    seconds = of_project(rate(select("taximeter_training_phase_seconds_total", RUN)))
    return lines(
        title="Time by phase",
        description="Share of the chosen runs' time that each phase of training takes. Waiting for data costs, too.",
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        stacked=True,
        legend=(LAST, MEAN),
        queries=[
            over_time(
                f"""label_replace(sum by (phase) {seconds}, "phase", "$1 $2", "phase", "([a-z]+)_([a-z]+)")
                / on () group_left () (sum {seconds} > 0)""",
                "{{phase}}",
            )
        ],
        no_value=_NO_TRAINING,
        overrides=colours_of_names(colours.PHASES),
    )


def step_time_by_rank() -> Panel:
    """Mean duration of a step on the slowest ranks."""
    seconds, steps = (
        f"sum by (run, rank) {of_project(rate(select(f'taximeter_training_step_seconds_{part}', RUN)))}"
        for part in ("sum", "count")
    )
    return lines(
        title="Step time, by rank",
        description=(
            "Mean duration of a step on each rank, the twenty slowest at each moment. All ranks wait for the slowest "
            "one, so a rank whose data or device is slow costs as much as if all were."
        ),
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MEAN, MAX),
        queries=[over_time(f"topk({AT_MOST}, {seconds} / ({steps} > 0))", "{{run}} rank {{rank}}")],
        no_value=_NO_TRAINING,
    )


def data_wait_by_rank() -> Panel:
    """The share of its time that each rank waits for data."""
    waited, spent = (
        f"sum by (run, rank) {of_project(rate(series))}"
        for series in (
            select("taximeter_training_phase_seconds_total", RUN, 'phase="data_wait"'),
            select("taximeter_training_seconds_total", RUN),
        )
    )
    return lines(
        title="Data wait, by rank",
        description=(
            "The share of its time that a rank waits for its next batch, the twenty that wait longest. An alert comes "
            "above 30%."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MEAN, MAX),
        queries=[over_time(f"topk({AT_MOST}, {waited} / ({spent} > 0))", "{{run}} rank {{rank}}")],
        no_value=_NO_TRAINING,
    )


def learning_rate() -> Panel:
    """The learning rate of each run."""
    return lines(
        title="Learning rate",
        description="The learning rate of each run, as its schedule moves it.",
        unit=units.SCIENTIFIC,
        decimals=2,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"max by (run) {of_project(select('taximeter_training_learning_rate', RUN))}", "{{run}}")],
        no_value=_NO_TRAINING,
    )


def gradient_norm() -> Panel:
    """The norm of the gradients of each run."""
    norm = of_project(select("taximeter_training_gradient_norm", RUN))
    return lines(
        title="Gradient norm",
        description=(
            "The norm of the gradients before they are clipped. A jump foretells a loss that breaks out; there is no "
            "reading while it is not a finite number, or if the training does not tell it."
        ),
        unit=units.COUNT,
        minimum=0,
        legend=(LAST, MEAN, MAX),
        queries=[over_time(f"max by (run) {norm}", "{{run}}")],
        no_value="no run tells its gradient norm",
    )


def operations() -> Panel:
    """Floating-point operations per second of each run."""
    return lines(
        title="Achieved FLOP/s",
        description=(
            "Floating-point operations per second that the model itself takes, forward and backward, all ranks "
            "together. Evaluation and repeated work of saved memory are not in it."
        ),
        unit=units.FLOPS_PER_SECOND,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(f"sum by (run) {_FLOPS}", "{{run}}")],
        no_value="no run counts its operations",
    )


def share_of_peak() -> Panel:
    """Achieved operations of what the devices could do."""
    peak = of_project(select("taximeter_training_peak_flops_per_second", RUN))
    return lines(
        title="Share of peak FLOP/s",
        description=(
            "Achieved operations per second, of what the devices can do at the training's precision by NVIDIA's data "
            "sheets (model FLOPs utilisation). The rest of the devices' power is paid for and not used."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(f"sum by (run) {_FLOPS} / sum by (run) {peak}", "{{run}}")],
        no_value="no device whose peak is known",
    )


def bytes_read() -> Panel:
    """Bytes per second that each run reads."""
    read = of_project(rate(select("taximeter_training_bytes_total", RUN)))
    return lines(
        title="Data read",
        description="Bytes that each run reads from storage per second, all ranks together, if its training tells it.",
        unit=units.BYTES_PER_SECOND,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(f"sum by (run) {read}", "{{run}}")],
        no_value="no run tells what it reads",
    )
