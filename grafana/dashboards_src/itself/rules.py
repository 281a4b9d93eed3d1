"""Whether Taximeter's rules are evaluated, in time and without errors."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import RULES, by_group
from dashboards_src.layer import units
from dashboards_src.layer.fields import watched
from dashboards_src.layer.panels import LAST, MAX, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import rate, select
from dashboards_src.shared.ranking import AT_MOST, highest

_NO_RULES = "this Prometheus has none of Taximeter's rules"


def groups() -> Panel:
    """A row for each group of rules."""

    def of(metric: str) -> str:
        return select(f"prometheus_rule_{metric}", RULES)

    late = f"time() - {of('group_last_evaluation_timestamp_seconds')} - {of('group_interval_seconds')}"
    return table(
        title="Groups of rules",
        description=(
            "Taximeter's groups of rules: how long the last evaluation took, and how late the next one is; failed and "
            "missed within the time range."
        ),
        queries=[
            rows(by_group(of("group_rules"))),
            rows(by_group(of("group_last_evaluation_samples"))),
            rows(by_group(of("group_last_duration_seconds"))),
            rows(by_group(f"clamp_min({late}, 0)")),
            rows(by_group(f"increase({of('evaluation_failures_total')}[$__range])")),
            rows(by_group(f"increase({of('group_iterations_missed_total')}[$__range])")),
        ],
        columns=[
            Column("group", "Group"),
            Column("Value #A", "Rules", units.COUNT, decimals=0, width=70),
            Column("Value #B", "Series", units.COUNT, decimals=0, width=75),
            Column("Value #C", "Took", units.SECONDS, decimals=1, width=90),
            Column("Value #D", "Late", units.SECONDS, decimals=0, steps=watched(60, 300), width=80),
            Column("Value #E", "Failed", units.COUNT, decimals=0, steps=watched(1, 1), width=75),
            Column("Value #F", "Missed", units.COUNT, decimals=0, steps=watched(1, 10), width=80),
        ],
        sort_by="Group",
        no_value=_NO_RULES,
    )


def duration() -> Panel:
    """How much of its interval each group needs."""
    took = select("prometheus_rule_group_last_duration_seconds", RULES)
    interval = select("prometheus_rule_group_interval_seconds", RULES)
    return lines(
        title="Evaluation, of its interval",
        description=(
            f"How much of the time between two evaluations a group of rules needs: the {AT_MOST} highest. At 100% "
            "evaluations are missed."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(by_group(f"{took} / {interval}"), by="group"), "{{group}}")],
        no_value=_NO_RULES,
    )


def failures() -> Panel:
    """Rules that could not be evaluated."""
    failed = rate(select("prometheus_rule_evaluation_failures_total", RULES))
    missed = rate(select("prometheus_rule_group_iterations_missed_total", RULES))
    return lines(
        title="Failed and missed evaluations",
        description=(
            "Evaluations of Taximeter's rules per second that failed, and that were missed as the one before still "
            "went on."
        ),
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"sum({failed})", "failed"), over_time(f"sum({missed})", "missed")],
        no_value=_NO_RULES,
    )
