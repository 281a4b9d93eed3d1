"""The marks on panels over time: what happened to the runs, what alerts fired, and that simulated money is not real."""

from collections.abc import Callable, Sequence

from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from dashboards_src.layer import colours
from dashboards_src.layer.annotations import mark
from dashboards_src.promql import HOST, OTHER_PROJECTS, RUN, firing_alerts, of_project, rate, select

_LATEST = 40
_RECLAIMED = "taximeter_host_reclaim_timestamp_seconds"


def of_runs() -> Sequence[AnnotationQuery]:
    """What happened to the chosen runs; needs the filters `project` and `run`."""

    def series(edge: str, *results: str) -> str:
        return of_project(select(f"taximeter_run_{edge}_timestamp_seconds", RUN, *results))

    return [
        *_starts_and_ends(series),
        mark(
            "Out of memory",
            expr=f"sum by (run) {of_project(rate(select('taximeter_training_out_of_memory_total', RUN)))} > 0",
            title="Out of memory",
            text="{{run}}: the device's memory did not suffice; the training went on with smaller batches",
            colour=colours.SAND,
        ),
    ]


def of_runs_for_long() -> Sequence[AnnotationQuery]:
    """When those began and ended that are there at the end of the time range, or were within the hour before.

    Looked up at that moment alone, and only the latest: for a dashboard that shows weeks of many machines.
    """

    def series(edge: str, *results: str) -> str:
        chosen = select(f"taximeter_run_{edge}_timestamp_seconds", RUN, *results)
        return f"(topk({_LATEST}, {chosen} @ end() unless on (run) {OTHER_PROJECTS} @ end()))"

    return _starts_and_ends(series)


def _starts_and_ends(series: Callable[..., str]) -> Sequence[AnnotationQuery]:
    return [
        mark(
            "Run starts",
            expr=f"1000 * max by (run) {series('start')}",
            title="Run starts",
            text="{{run}}",
            colour=colours.SKY,
            value_is_time=True,
        ),
        _end(series, "Run ends", "finished", colours.GREEN),
        _end(series, "Budget stops", "budget", colours.BAD),
        _end(series, "Run stopped or lost", "stopped|failed|expired|gone", colours.WINE),
    ]


def _end(series: Callable[..., str], name: str, results: str, colour: str) -> AnnotationQuery:
    ended = series("end", f'result=~"{results}"')
    return mark(
        name,
        expr=f"1000 * max by (run, result) {ended}",
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
        expr=f"""1000 * ALERTS_FOR_STATE{{alertname=~"Taximeter.*"}} and ignoring (alertstate) {firing_alerts()}""",
        title="{{alertname}}",
        text="{{severity}} {{budget}} {{run}} {{instance}}",
        colour=colours.WARNING,
        tags="severity",
        value_is_time=True,
    )


def reclaimed_of_runs() -> AnnotationQuery:
    """When the cloud takes a spot machine back on which one of the chosen runs is; needs `project` and `run`."""
    active = of_project(f"{select('taximeter_run_active', RUN)} == 1")
    return _reclaimed(f"{_RECLAIMED} and on (instance) {active}")


def reclaimed() -> AnnotationQuery:
    """When the cloud takes one of the chosen spot machines back; needs the filter `instance`."""
    return _reclaimed(select(_RECLAIMED, HOST))


def _reclaimed(moments: str) -> AnnotationQuery:
    return mark(
        "Spot machine is taken",
        expr=f"1000 * max by (instance, provider, action) ({moments})",
        title="Spot machine is taken",
        text="{{provider}}: {{action}} of {{instance}}",
        colour=colours.OLIVE,
        value_is_time=True,
    )


def simulated() -> AnnotationQuery:
    """For as long as a device is simulated; every dashboard has it, and nobody can switch it off."""
    return _simulated(
        'max by (instance) (taximeter_price_per_hour{simulated="true"} * 0 + 1)',
        text="{{instance}} meters simulated devices: its money is not real",
    )


def simulated_for_long() -> AnnotationQuery:
    """The same from what rules record: for a dashboard that shows weeks of many machines."""
    return _simulated(
        'fleet:taximeter_simulated_machines:count{simulated="true"} * 0 + 1',
        text="simulated devices are metered: their money is not real",
    )


def _simulated(expr: str, *, text: str) -> AnnotationQuery:
    return mark(
        "Simulated devices",
        expr=expr,
        title="Simulated",
        text=text,
        colour=colours.SIMULATED,
        can_be_hidden=False,
    )
