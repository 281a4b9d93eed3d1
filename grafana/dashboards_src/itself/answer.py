"""The head of the dashboard: whether the other dashboards can be believed, and whether anybody would be told."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import RULES, of
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import NO_COLOUR, coloured_from, colours_of_counts, good_until, thresholds_of
from dashboards_src.layer.panels import values
from dashboards_src.layer.queries import now
from dashboards_src.promql import EXPORTER, HOST, select

_NONE_IS_GOOD = coloured_from(1, colours.BAD)


def exporters() -> Panel:
    """Exporters that are reached and those that are not."""
    up = select("up", EXPORTER, HOST)
    return values(
        title="Exporters",
        description=(
            "Exporters that Prometheus reaches, those that it does not, and those on which not every device answers "
            "(incomplete)."
        ),
        unit=units.COUNT,
        background=True,
        steps=_NONE_IS_GOOD,
        queries=[
            now(f"count({up} == 1) or vector(0)", "reached"),
            now(f"count({up} == 0) or vector(0)", "not reached"),
            now(f"count({of('taximeter_collect_success')} == 0) or vector(0)", "incomplete"),
        ],
        overrides=colours_of_counts({"reached": colours.GOOD, "incomplete": colours.WARNING}),
    )


def trainers() -> Panel:
    """Trainings and servers that are reached."""
    return values(
        title="Trainings",
        description=(
            "Trainings and prediction servers that Prometheus reaches now. A training that ended is not reached."
        ),
        unit=units.COUNT,
        queries=[now('sum(up{job="taximeter-trainer"}) or vector(0)', "reached")],
    )


def booking() -> Panel:
    """How long ago the slowest exporter booked."""
    return values(
        title="Last booking",
        description=(
            "How long ago the ledger was last written, on the exporter where that is longest. Orange from 30 s, "
            "vermillion from 60 s: what is not booked is lost when the machine goes."
        ),
        unit=units.SECONDS,
        decimals=0,
        background=True,
        steps=good_until(30, 60),
        queries=[now(f"max(time() - {of('taximeter_ledger_last_write_timestamp_seconds')})", "longest ago")],
        no_value="no exporter",
    )


def rules() -> Panel:
    """Rules that could not be evaluated, or not in time."""
    failures = select("prometheus_rule_evaluation_failures_total", RULES)
    missed = select("prometheus_rule_group_iterations_missed_total", RULES)
    return values(
        title="Rules",
        description=(
            "How often one of Taximeter's rules could not be evaluated within the time range, and how often a group "
            "of them was not in time."
        ),
        unit=units.COUNT,
        decimals=0,
        background=True,
        steps=_NONE_IS_GOOD,
        queries=[
            now(f"sum(increase({failures}[$__range]))", "failed"),
            now(f"sum(increase({missed}[$__range]))", "missed"),
        ],
        no_value="no rules",
    )


def delivery() -> Panel:
    """Alerts that did not arrive."""
    return values(
        title="Notifications",
        description=(
            "Within the time range: notifications that Alertmanager sent to people, and that failed; and alerts that "
            "Prometheus could not hand to Alertmanager."
        ),
        unit=units.COUNT,
        decimals=0,
        background=True,
        steps=_NONE_IS_GOOD,
        queries=[
            now("sum(increase(alertmanager_notifications_total[$__range]))", "sent"),
            now("sum(increase(alertmanager_notifications_failed_total[$__range]))", "failed"),
            now("sum(increase(prometheus_notifications_dropped_total[$__range]))", "given up"),
        ],
        overrides=[thresholds_of("sent", NO_COLOUR)],
        no_value="no Alertmanager",
    )


def watchdog() -> Panel:
    """The alert that always fires."""
    return values(
        title="Watchdog",
        description=(
            "1 while the Watchdog fires, as it always should: rules are evaluated. Whether it arrives, only its "
            "receiver can tell. 0: no other alert would fire either."
        ),
        unit=units.COUNT,
        background=True,
        steps=((None, colours.BAD), (1, colours.GOOD)),
        queries=[now('max(ALERTS{alertname="Watchdog", alertstate="firing"}) or vector(0)', "fires")],
    )
