"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.providers import answer, ended, market, places, smaller
from dashboards_src.shared import annotations, variables

DESCRIPTION = (
    "What the GPUs that are here, and runs that ended, would cost elsewhere and on other terms, by the prices of the "
    "configuration and of the catalogs, each with its date and source. Money is shown per currency, never converted."
)


def providers() -> Dashboard:
    """The answer first, then every offer, the runs that ended, and what else would do."""
    return dashboard(
        uid="taximeter-providers",
        title="Taximeter: providers",
        description=DESCRIPTION,
        variables=[
            variables.project(),
            variables.run(),
            variables.instance(),
            variables.gpu_model(),
            variables.provider(),
            variables.currency(),
        ],
        annotations=[annotations.simulated()],
        sections=[
            Section(
                None,
                [
                    Line(
                        5,
                        [
                            (answer.paid_now(), 5),
                            (answer.cheapest_on_same_terms(), 5),
                            (answer.cheapest_of_all(), 6),
                            (answer.saved(), 4),
                            (answer.ages(), 4),
                        ],
                    ),
                    Line(6, [(answer.here_and_elsewhere(), 24)]),
                ],
            ),
            Section(
                "All offers",
                [
                    Line(10, [(market.all_offers(), 24)]),
                    Line(12, [(market.by_provider(), 12), (market.course(), 12)]),
                ],
            ),
            Section(
                "Runs that ended",
                [Line(9, [(ended.of_each_run(), 24)]), Line(9, [(ended.by_offer(), 24)])],
            ),
            Section(
                "The same model elsewhere",
                [
                    Line(7, [(places.by_provider(), 24)]),
                    Line(11, [(places.time_to_accuracy(), 12), (places.cost_to_accuracy(), 12)]),
                ],
            ),
            Section("Smaller GPUs", [Line(5, [(smaller.would_do(), 24)])]),
        ],
        since="now-6h",
        refresh="1m",
    )
