"""The dashboard as a whole: filters, marks, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.budgets import answer, pace, tables
from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.shared import alerts, annotations, variables


def budgets() -> Dashboard:
    """Whether the money lasts, then how fast it goes, then who spends it."""
    return dashboard(
        uid="taximeter-budgets",
        title="Taximeter: budgets",
        description="Of each budget: limit, spent, forecast, how fast it is spent, how long it lasts, and its alerts.",
        variables=[
            variables.project(),
            variables.run(),
            variables.instance(),
            variables.budget(),
            variables.currency(),
        ],
        annotations=[*annotations.of_runs(), annotations.alerts(), annotations.simulated()],
        sections=[
            Section(
                None,
                [
                    Line(8, [(answer.how_many(), 4), (answer.spent(), 10), (answer.forecast(), 10)]),
                    Line(8, [(tables.of_machines(), 24)]),
                ],
            ),
            Section(
                "How fast it goes",
                [
                    Line(10, [(pace.burn_down(), 12), (pace.left(), 12)]),
                    Line(9, [(pace.spending_rate(), 8), (pace.burn_rate(), 8), (pace.runway(), 8)]),
                ],
            ),
            Section("Several machines", [Line(6, [(tables.of_all_machines(), 24)])]),
            Section(
                "Who spends it, and what is said of it", [Line(8, [(tables.spenders(), 14), (alerts.firing(), 10)])]
            ),
        ],
        since="now-24h",
        refresh="30s",
    )
