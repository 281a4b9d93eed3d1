"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.gpus import answer, fleet, health, heat, limits, links, load, readings, tenants
from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.shared import annotations, variables

DESCRIPTION = (
    "Which GPUs are well, what is wrong with the others, and what each of them does. Of many GPUs panels over time "
    "show the most telling; choose a host or a GPU to see all of it."
)


def gpus() -> Dashboard:
    """Health first, then what the GPUs do."""
    return dashboard(
        uid=fleet.UID,
        title="Taximeter: GPUs",
        description=DESCRIPTION,
        variables=[variables.instance(), variables.gpu()],
        annotations=[annotations.reclaimed(), annotations.alerts(), annotations.simulated()],
        sections=[
            Section(
                None,
                [
                    Line(
                        4,
                        [
                            (answer.gpus_by_state(), 6),
                            (answer.troubled(), 5),
                            (answer.utilisation(), 3),
                            (answer.memory(), 3),
                            (answer.power(), 3),
                            (answer.heat(), 4),
                        ],
                    ),
                    Line(11, [(fleet.problems_now(), 12), (fleet.states_over_time(), 12)]),
                    Line(9, [(fleet.gpus(), 24)]),
                    Line(8, [(fleet.hosts(), 16), (fleet.states_counted(), 8)]),
                ],
            ),
            Section(
                "Health",
                [
                    Line(8, [(health.xid_errors(), 16), (health.xid_errors_over_time(), 8)]),
                    Line(8, [(health.memory_health(), 24)]),
                    Line(8, [(heat.throttling(), 8), (heat.slowed_down(), 8), (heat.throttled_now(), 8)]),
                ],
            ),
            Section(
                "Use",
                [
                    Line(9, [(load.utilisation(), 12), (load.memory(), 12)]),
                    Line(9, [(load.units_at_work(), 8), (load.tensor_cores(), 8), (load.busy_time(), 8)]),
                    Line(8, [(load.memory_in_bytes(), 8), (load.engines(), 8), (load.performance_states(), 8)]),
                    Line(8, [(load.clocks(), 12), (load.all_clocks(), 12)]),
                ],
            ),
            Section(
                "Power and heat",
                [
                    Line(9, [(heat.power(), 10), (heat.power_of_all(), 8), (heat.energy(), 6)]),
                    Line(
                        9,
                        [
                            (heat.temperature(), 6),
                            (heat.memory_temperature(), 6),
                            (heat.margin(), 6),
                            (heat.fans(), 6),
                        ],
                    ),
                ],
            ),
            Section(
                "Runs and processes",
                [
                    Line(
                        8,
                        [
                            (tenants.memory_of_runs(), 8),
                            (tenants.multiprocessors_of_runs(), 8),
                            (tenants.processes(), 8),
                        ],
                    ),
                ],
            ),
            Section("Readings", [Line(9, [(readings.readings(), 24)])]),
            Section(
                "Links",
                [
                    Line(9, [(links.pcie(), 8), (links.nvlink(), 8), (links.directions(), 8)]),
                    Line(8, [(links.errors(), 8), (limits.links(), 16)]),
                    Line(8, [(links.bar1(), 12), (links.bar1_in_bytes(), 12)]),
                ],
                folded=True,
            ),
            Section(
                "Limits, refused readings, MIG instances, single processes",
                [
                    Line(8, [(limits.power_and_heat(), 16), (readings.refused(), 8)]),
                    Line(8, [(tenants.mig_instances(), 24)]),
                    Line(8, [(tenants.by_process(), 24)]),
                ],
                folded=True,
            ),
        ],
        since="now-1h",
        refresh="30s",
    )
