"""Whether what the dashboard shows can be trusted, and what needs a person."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import EXPORTER, firing_alerts, select

_SEVERITIES = {3: "critical", 2: "warning", 1: "info"}
_YES_NO = {"1": ("yes", colours.GOOD), "0": ("no", colours.BAD)}


def alerts() -> Panel:
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
            Column("alertname", "Alert", width=200),
            Column("budget", "Budget", width=100),
            Column("threshold", "From", width=60),
            Column("run", "Run"),
            Column("instance", "Exporter"),
        ],
        sort_by="Severity",
        descending=True,
        no_value="no alert fires",
    )


def exporters() -> Panel:
    """Each exporter: scraped, collecting, booking; and what it could not meter."""
    return table(
        title="Exporters",
        description=(
            "Up: Prometheus reaches it. Collecting: it reads its devices. Booking: when it last wrote to the ledger. "
            "Gaps are billed time in which the exporter was down while the machine was up; unpriced is time without "
            "a known price, which no cost contains."
        ),
        queries=[
            rows(f"max by (instance) ({select('up', EXPORTER)})"),
            rows("max by (instance) (taximeter_collect_success)"),
            rows("time() - max by (instance) (taximeter_collect_last_success_timestamp_seconds)"),
            rows("time() - max by (instance) (taximeter_ledger_last_write_timestamp_seconds)"),
            rows("sum by (instance) (increase(taximeter_ledger_write_failures_total[$__range]))"),
            rows("sum by (instance) (taximeter_gap_seconds_total)"),
            rows("sum by (instance) (taximeter_unpriced_seconds_total)"),
        ],
        columns=[
            Column("instance", "Exporter"),
            Column("Value #A", "Up", mappings=words(_YES_NO), width=60),
            Column("Value #B", "Collecting", mappings=words(_YES_NO), width=90),
            Column("Value #C", "Last read", units.SECONDS, decimals=0, steps=watched(15, 60), width=90),
            Column("Value #D", "Last booking", units.SECONDS, decimals=0, steps=watched(30, 60), width=110),
            Column("Value #E", "Failed writes", units.COUNT, steps=watched(1, 1), width=110),
            Column("Value #F", "Gaps", units.SECONDS, decimals=0, steps=watched(1, 3600), width=80),
            Column("Value #G", "Unpriced", units.SECONDS, decimals=0, steps=watched(1, 3600), width=90),
        ],
        sort_by="Exporter",
        no_value="no exporter is scraped",
    )
