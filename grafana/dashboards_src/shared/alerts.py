"""What needs a person."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours
from dashboards_src.layer.fields import words
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import firing_alerts

_SEVERITIES = {3: "critical", 2: "warning", 1: "info"}


def firing() -> Panel:
    """The alerts that fire now."""
    ranked = " or ".join(f"{rank} * {firing_alerts(severity)}" for rank, severity in _SEVERITIES.items())
    return table(
        title="Alerts firing",
        description="Taximeter's alerts that fire now, the gravest first, from Prometheus, and what each is about.",
        queries=[rows(f"max by (alertname, budget, threshold, run, instance) ({ranked})")],
        columns=[
            Column(
                "Value",
                "Severity",
                mappings=words(
                    {str(rank): (severity, colours.SEVERITIES[severity]) for rank, severity in _SEVERITIES.items()}
                ),
                width=90,
            ),
            Column("alertname", "Alert", width=228),
            Column("budget", "Budget", width=90),
            Column("threshold", "From", width=60),
            Column("run", "Run"),
            Column("instance", "Exporter"),
        ],
        sort_by="Severity",
        descending=True,
        no_value="no alert fires",
    )
