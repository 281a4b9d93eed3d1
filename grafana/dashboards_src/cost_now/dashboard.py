"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import AnnotationQuery, Dashboard, VariableModel

from dashboards_src import promql
from dashboards_src.cost_now import answer, devices, health, money, training
from dashboards_src.layer import colours
from dashboards_src.layer.annotations import mark
from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.layer.variables import datasource, label_filter

DESCRIPTION = (
    "What is spent at this moment, on what, and whether the budget holds. Money is shown per currency, never converted."
)


def cost_now() -> Dashboard:
    """The answer first, then the reasons."""
    return dashboard(
        uid="taximeter-cost-now",
        title="Taximeter: cost now",
        description=DESCRIPTION,
        variables=_variables(),
        annotations=_annotations(),
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


def _variables() -> list[VariableModel]:
    return [
        datasource(),
        label_filter(
            "project",
            label="Project",
            description="Whose money it is; time without a run belongs to no project",
            values="label_values(taximeter_run_info, project)",
        ),
        label_filter(
            "run",
            label="Run",
            description="Runs of the chosen projects within the time range",
            values='label_values(taximeter_run_info{project=~"$project"}, run)',
        ),
        label_filter(
            "currency",
            label="Currency",
            description="Amounts of different currencies are never added up",
            values="label_values(taximeter_price_per_hour, currency)",
        ),
    ]


def _annotations() -> list[AnnotationQuery]:
    started = promql.select("taximeter_run_start_timestamp_seconds", promql.RUN)
    return [
        mark(
            "Run starts",
            expr=f"1000 * max by (run) {promql.of_project(started)}",
            title="Run starts",
            text="{{run}}",
            colour=colours.SKY,
            value_is_time=True,
        ),
        mark(
            "Alerts",
            expr="""1000 * ALERTS_FOR_STATE{alertname=~"Taximeter.*"}
            and ignoring (alertstate) ALERTS{alertname=~"Taximeter.*", alertstate="firing"}""",
            title="{{alertname}}",
            text="{{severity}} {{budget}} {{run}} {{instance}}",
            colour=colours.WARNING,
            tags="severity",
            value_is_time=True,
        ),
        mark(
            "Simulated devices",
            expr='max by (instance) (taximeter_price_per_hour{simulated="true"} * 0 + 1)',
            title="Simulated",
            text="{{instance}} meters simulated devices: its money is not real",
            colour=colours.SIMULATED,
            can_be_hidden=False,
        ),
    ]
