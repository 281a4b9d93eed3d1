"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.cost_now import answer, devices, money
from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.shared import annotations, health, training, variables

DESCRIPTION = (
    "What is spent at this moment, on what, and whether the budget holds. Money is shown per currency, never converted."
)


def cost_now() -> Dashboard:
    """The answer first, then the reasons."""
    return dashboard(
        uid="taximeter-cost-now",
        title="Taximeter: cost now",
        description=DESCRIPTION,
        variables=[variables.project(), variables.run(), variables.currency()],
        annotations=[*annotations.of_runs(), annotations.alerts(), annotations.simulated()],
        sections=[
            Section(
                None,
                [
                    Line(
                        5,
                        [
                            (answer.spending_rate(), 4),
                            (answer.current_runs(), 4),
                            (answer.budget_spent(), 5),
                            (answer.budget_forecast(), 5),
                            (answer.alerts_firing(), 3),
                            (answer.devices_metered(), 3),
                        ],
                    )
                ],
            ),
            Section(
                "Money",
                [
                    Line(
                        9,
                        [(money.by_share_over_time(), 12), (money.by_share(), 6), (money.by_phase(), 6)],
                    ),
                    Line(9, [(money.by_run_over_time(), 12), (money.budgets_over_time(), 12)]),
                    Line(7, [(money.runs(), 24)]),
                ],
            ),
            Section(
                "Training",
                [
                    Line(9, [(training.accuracy_for_money(), 8), (training.accuracy(), 8), (training.loss(), 8)]),
                    Line(9, [(training.throughput(), 8), (training.step_time(), 8), (training.phases(), 8)]),
                ],
            ),
            Section(
                "Devices",
                [
                    Line(8, [(devices.utilisation(), 8), (devices.memory(), 8), (devices.power(), 8)]),
                    Line(5, [(devices.prices(), 24)]),
                ],
            ),
            Section("Alerts and health", [Line(7, [(health.alerts(), 10), (health.exporters(), 14)])]),
        ],
        since="now-1h",
        refresh="10s",
    )
