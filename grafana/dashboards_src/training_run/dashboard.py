"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.shared import annotations, variables
from dashboards_src.training_run import answer, comparison, devices, learning, money, speed

DESCRIPTION = (
    "One or several training runs compared: what they get for their money, where each part of it went, and what it "
    "takes to finish. Money is shown per currency, never converted."
)


def training_run() -> Dashboard:
    """The answer first, then what the money bought, where it went, and what held the training up."""
    return dashboard(
        uid="taximeter-training-run",
        title="Taximeter: training run",
        description=DESCRIPTION,
        variables=[variables.project(), variables.run(), variables.currency()],
        annotations=[
            *annotations.of_runs(),
            annotations.reclaimed_of_runs(),
            annotations.alerts(),
            annotations.simulated(),
        ],
        sections=[
            Section(
                None,
                [
                    Line(
                        5,
                        [
                            (answer.cost(), 3),
                            (answer.cost_per_hour(), 4),
                            (answer.still_to_come(), 3),
                            (answer.best_run(), 4),
                            (answer.cheapest_run(), 4),
                            (answer.goodput(), 3),
                            (answer.lost(), 3),
                        ],
                    ),
                    Line(8, [(comparison.money(), 24)]),
                ],
            ),
            Section(
                "What the money bought",
                [
                    Line(10, [(learning.accuracy_for_money(), 12), (learning.loss_for_money(), 12)]),
                    Line(9, [(money.cost_to_accuracy(), 12), (money.time_to_accuracy(), 12)]),
                    Line(9, [(learning.accuracy(), 7), (learning.loss(), 7), (comparison.scores(), 10)]),
                ],
            ),
            Section(
                "Where it went, and what it takes to finish",
                [
                    Line(9, [(money.by_phase(), 12), (money.goodput(), 4), (speed.phases(), 8)]),
                    Line(9, [(money.fare(), 12), (money.budget_used(), 4), (money.remaining(), 8)]),
                ],
            ),
            Section(
                "Speed",
                [
                    Line(9, [(speed.throughput(), 8), (speed.step_time(), 8), (speed.step_time_by_rank(), 8)]),
                    Line(9, [(speed.data_wait_by_rank(), 8), (speed.operations(), 8), (speed.share_of_peak(), 8)]),
                    Line(8, [(speed.learning_rate(), 8), (speed.gradient_norm(), 8), (speed.bytes_read(), 8)]),
                ],
            ),
            Section(
                "Devices",
                [
                    Line(8, [(devices.gpu_use(), 8), (devices.gpu_memory(), 8), (devices.peak_memory(), 8)]),
                    Line(8, [(devices.devices_in_use(), 6), (devices.power(), 6), (devices.trouble(), 12)]),
                    Line(7, [(comparison.identity(), 24)]),
                ],
            ),
        ],
        since="now-1h",
        refresh="10s",
    )
