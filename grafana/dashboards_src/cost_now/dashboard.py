"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.cost_now import answer, breakdowns, course, prices, runs
from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.shared import alerts, annotations, variables

DESCRIPTION = (
    "What is spent at this moment, on what, and whether the budget holds. Money is shown per currency, never "
    "converted. The other dashboards of the menu say why."
)


def cost_now() -> Dashboard:
    """The answer first, then the reasons."""
    return dashboard(
        uid="taximeter-cost-now",
        title="Taximeter: cost now",
        description=DESCRIPTION,
        variables=[variables.project(), variables.run(), variables.instance(), variables.currency()],
        annotations=[
            *annotations.of_runs_for_long(),
            annotations.reclaimed(),
            annotations.alerts(),
            annotations.simulated_for_long(),
        ],
        sections=[
            Section(
                None,
                [
                    Line(
                        4,
                        [
                            (answer.spending_rate(), 4),
                            (answer.today(), 4),
                            (answer.this_month(), 4),
                            (answer.wasted(), 6),
                            (answer.not_metered(), 6),
                        ],
                    ),
                    Line(
                        6,
                        [
                            (answer.budget_spent(), 8),
                            (answer.budget_forecast(), 8),
                            (answer.alerts_firing(), 4),
                            (answer.devices_metered(), 4),
                        ],
                    ),
                ],
            ),
            Section(
                "Where the money goes",
                [
                    Line(9, [(course.by_share(), 10), (course.by_project(), 9), (course.month_by_share(), 5)]),
                    Line(7, [(runs.active(), 24)]),
                    Line(8, [(runs.dearest(), 14), (breakdowns.by_project(), 10)]),
                    Line(6, [(breakdowns.by_model(), 14), (breakdowns.by_provider(), 10)]),
                    Line(8, [(breakdowns.by_host(), 24)]),
                ],
            ),
            Section(
                "Prices and alerts",
                [Line(6, [(prices.in_force(), 24)]), Line(7, [(alerts.firing(), 14), (breakdowns.by_terms(), 10)])],
            ),
        ],
        since="now-1h",
        refresh="10s",
    )
