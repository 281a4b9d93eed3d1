"""The marks on panels over time: what happened to the runs, what alerts fired, and that simulated money is not real."""

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from dashboards_src.layer import colours
from dashboards_src.layer.annotations import mark
from dashboards_src.promql import RUN, of_project, rate, select


def of_runs() -> Sequence[AnnotationQuery]:
    """What happened to the chosen runs; needs the filters `project` and `run`."""
    return [
        mark(
            "Run starts",
            expr=f"1000 * max by (run) {of_project(select('taximeter_run_start_timestamp_seconds', RUN))}",
            title="Run starts",
            text="{{run}}",
            colour=colours.SKY,
            value_is_time=True,
        ),
        _end("Run ends", "finished", colours.GREEN),
        _end("Budget stops", "budget", colours.BAD),
        _end("Run stopped or lost", "stopped|failed|expired|gone", colours.WINE),
        mark(
            "Out of memory",
            expr=f"sum by (run) {of_project(rate(select('taximeter_training_out_of_memory_total', RUN)))} > 0",
            title="Out of memory",
            text="{{run}}: the device's memory did not suffice; the training went on with smaller batches",
            colour=colours.SAND,
        ),
    ]


def _end(name: str, results: str, colour: str) -> AnnotationQuery:
    ended = select("taximeter_run_end_timestamp_seconds", RUN, f'result=~"{results}"')
    return mark(
        name,
        expr=f"1000 * max by (run, result) {of_project(ended)}",
        title=name,
        text="{{run}}: {{result}}",
        colour=colour,
        tags="result",
        value_is_time=True,
    )


def alerts() -> AnnotationQuery:
    """Each of Taximeter's alerts, from the moment it began to hold."""
    return mark(
        "Alerts",
        expr="""1000 * ALERTS_FOR_STATE{alertname=~"Taximeter.*"}
        and ignoring (alertstate) ALERTS{alertname=~"Taximeter.*", alertstate="firing"}""",
        title="{{alertname}}",
        text="{{severity}} {{budget}} {{run}} {{instance}}",
        colour=colours.WARNING,
        tags="severity",
        value_is_time=True,
    )


def simulated() -> AnnotationQuery:
    """For as long as a device is simulated; every dashboard has it, and nobody can switch it off."""
    return mark(
        "Simulated devices",
        expr='max by (instance) (taximeter_price_per_hour{simulated="true"} * 0 + 1)',
        title="Simulated",
        text="{{instance}} meters simulated devices: its money is not real",
        colour=colours.SIMULATED,
        can_be_hidden=False,
    )
