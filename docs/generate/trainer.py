"""The trainer's tables of metrics."""

from __future__ import annotations

from taximeter import metric_table
from taximeter.metric_table import IDENTITY
from taximeter.training.serve import metrics as serving

from generate.metrics import Row, Table

TABLES = (
    Table(
        title="Trainer: training",
        about=(
            "Counters are those of the process, as Prometheus expects of a program that starts anew; what is said to"
            " be of the whole run goes on over a resume."
        ),
        rows=(
            Row(
                name=metric_table.STEP_SECONDS,
                kind="histogram",
                unit="seconds",
                labels=IDENTITY,
                help=metric_table.STEP_SECONDS_HELP,
                source=metric_table.STEP_SECONDS_SOURCE,
            ),
            Row(
                name=metric_table.CHECKPOINT_FAILURES,
                kind="counter",
                unit="",
                labels=IDENTITY,
                help=metric_table.CHECKPOINT_FAILURES_HELP,
                source=metric_table.CHECKPOINT_FAILURES_SOURCE,
            ),
            *(
                Row(
                    name=spec.series_name,
                    kind=spec.kind,
                    unit=spec.unit,
                    labels=(*IDENTITY, *spec.labels),
                    help=spec.help,
                    source=spec.source,
                )
                for spec in metric_table.ALL
            ),
        ),
    ),
    Table(
        title="Trainer: serving",
        about="Of `taximeter serve`, at its own address.",
        rows=tuple(
            Row(
                name=metric.series_name,
                kind=metric.kind,
                unit=metric.unit,
                labels=metric.labels,
                help=metric.help,
                source=metric.source,
            )
            for metric in serving.ALL
        ),
    ),
)
