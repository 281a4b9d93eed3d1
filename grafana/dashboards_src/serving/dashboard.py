"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.serving import answer, money, traffic
from dashboards_src.shared import annotations, variables

DESCRIPTION = (
    "Models that answer over HTTP: what their predictions cost, how long they take, and how many requests fail. Money "
    "is shown per currency, never converted."
)


def serving() -> Dashboard:
    """The answer first, then money, requests, latency and batches."""
    return dashboard(
        uid="taximeter-serving",
        title="Taximeter: serving",
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
                            (answer.price(), 5),
                            (answer.cost_per_hour(), 4),
                            (answer.predictions(), 4),
                            (answer.requests(), 4),
                            (answer.errors(), 3),
                            (answer.latency(), 4),
                        ],
                    ),
                    Line(5, [(money.servers(), 24)]),
                ],
            ),
            Section("Money", [Line(9, [(money.price(), 12), (money.cost_per_hour(), 12)])]),
            Section(
                "Requests",
                [Line(9, [(traffic.requests(), 8), (traffic.requests_by_run(), 8), (traffic.errors(), 8)])],
            ),
            Section("Latency", [Line(9, [(traffic.latency(), 12), (traffic.latencies(), 12)])]),
            Section(
                "Predictions",
                [Line(9, [(traffic.predictions(), 8), (traffic.batch_size(), 8), (traffic.batches(), 8)])],
            ),
        ],
        since="now-1h",
        refresh="10s",
    )
