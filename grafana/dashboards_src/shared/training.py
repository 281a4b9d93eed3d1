"""What the money buys: accuracy, loss, and how fast the training goes."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.curves import curves
from dashboards_src.layer.fields import colours_of_names, dashed
from dashboards_src.layer.panels import LAST, MAX, MEAN, MIN, lines
from dashboards_src.layer.queries import over_time, rows_over_time
from dashboards_src.promql import RUN, of_project, rate, select
from dashboards_src.shared import runs

_NO_TRAINING = "no training"


def accuracy_for_money() -> Panel:
    """Validation accuracy against the run's money."""
    accuracy = of_project(select("taximeter_training_accuracy_ratio", RUN, runs.VALIDATION))
    return curves(
        title="Accuracy for money",
        description=(
            "Validation accuracy (upwards) against what the run had cost when it was reached (to the right), a line "
            "for each run. Flat means that more money buys no more accuracy."
        ),
        unit=units.RATIO,
        x_unit=units.MONEY,
        x_title="cost",
        y_title="accuracy",
        by="curve",
        x=rows_over_time(runs.named(f"{runs.cost()} and on (run) {accuracy}")),
        y=rows_over_time(f"avg by (run) {accuracy}"),
        no_value=_NO_TRAINING,
    )


def loss_for_money() -> Panel:
    """Validation loss against the run's money."""
    loss = of_project(select("taximeter_training_loss", RUN, runs.VALIDATION))
    return curves(
        title="Loss for money",
        description=(
            "Validation loss (upwards) against what the run had cost when it was reached (to the right), a line for "
            "each run. Where it rises again, more money makes the model worse on images that it does not know."
        ),
        unit=units.LOSS,
        x_unit=units.MONEY,
        x_title="cost",
        y_title="loss",
        by="curve",
        x=rows_over_time(runs.named(f"{runs.cost()} and on (run) {loss}")),
        y=rows_over_time(f"avg by (run) {loss}"),
        no_value=_NO_TRAINING,
    )


def accuracy() -> Panel:
    """Accuracy of each run over time."""
    return lines(
        title="Accuracy",
        description="Share of the images that the model classifies rightly, by run; the training split is dashed.",
        unit=units.RATIO,
        maximum=1,
        legend=(LAST, MAX),
        queries=[
            over_time(
                f"avg by (run, split) {of_project(select('taximeter_training_accuracy_ratio', RUN))}",
                "{{run}} {{split}}",
            )
        ],
        no_value=_NO_TRAINING,
        overrides=[dashed(" train$")],
    )


def loss() -> Panel:
    """Loss of each run over time."""
    return lines(
        title="Loss",
        description="What the training makes smaller, by run; the training split is dashed.",
        unit=units.LOSS,
        decimals=3,
        minimum=0,
        legend=(LAST, MIN),
        queries=[
            over_time(f"avg by (run, split) {of_project(select('taximeter_training_loss', RUN))}", "{{run}} {{split}}")
        ],
        no_value=_NO_TRAINING,
        overrides=[dashed(" train$")],
    )


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
