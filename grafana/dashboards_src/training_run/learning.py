"""What the money buys: how accurate the models become, and how their loss goes."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.curves import curves
from dashboards_src.layer.fields import dashed
from dashboards_src.layer.panels import LAST, MAX, MIN, lines
from dashboards_src.layer.queries import over_time, rows_over_time
from dashboards_src.promql import RUN, of_project, select
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
        x=rows_over_time(runs.with_curve(f"{runs.cost()} and on (run) {accuracy}")),
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
        x=rows_over_time(runs.with_curve(f"{runs.cost()} and on (run) {loss}")),
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
