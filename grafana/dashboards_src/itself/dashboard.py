"""The dashboard as a whole: variables, annotations, and the order of its sections."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.itself import answer, collection, delivery, gaps, programs, rules, scrapes
from dashboards_src.layer.document import dashboard
from dashboards_src.layer.layout import Line, Section
from dashboards_src.shared import alerts, annotations, variables

DESCRIPTION = (
    "Whether Taximeter itself works: devices are read and booked, Prometheus scrapes and judges, and alerts reach "
    "people. What is wrong here makes the other dashboards incomplete."
)


def itself() -> Dashboard:
    """In the order in which data goes: from the devices to people."""
    return dashboard(
        uid="taximeter-itself",
        title="Taximeter: itself",
        description=DESCRIPTION,
        variables=[variables.instance()],
        annotations=[annotations.alerts(), annotations.simulated()],
        sections=[
            Section(
                None,
                [
                    Line(
                        4,
                        [
                            (answer.exporters(), 6),
                            (answer.trainers(), 3),
                            (answer.booking(), 3),
                            (answer.rules(), 4),
                            (answer.delivery(), 5),
                            (answer.watchdog(), 3),
                        ],
                    ),
                    Line(7, [(collection.exporters(), 14), (alerts.firing(), 10)]),
                ],
            ),
            Section(
                "Devices and ledger",
                [
                    Line(8, [(collection.duration(), 8), (collection.age(), 8), (collection.last_booking(), 8)]),
                    Line(8, [(collection.failed_writes(), 8), (collection.room(), 8), (collection.size(), 8)]),
                ],
            ),
            Section(
                "Gaps and prices",
                [
                    Line(8, [(gaps.gaps(), 8), (gaps.unpriced(), 8), (gaps.unattributed(), 8)]),
                    Line(8, [(gaps.price_age(), 8), (gaps.stale(), 8), (gaps.reclaim(), 8)]),
                ],
            ),
            Section(
                "Scrapes",
                [
                    Line(11, [(scrapes.targets(), 12), (scrapes.reached(), 12)]),
                    Line(8, [(scrapes.duration(), 8), (scrapes.samples(), 8), (scrapes.series(), 8)]),
                ],
            ),
            Section("Rules", [Line(9, [(rules.groups(), 12), (rules.duration(), 6), (rules.failures(), 6)])]),
            Section(
                "Alerts on their way",
                [
                    Line(8, [(delivery.firing(), 8), (delivery.handed_over(), 8), (delivery.alertmanagers(), 8)]),
                    Line(8, [(delivery.integrations(), 16), (delivery.queue(), 8)]),
                    Line(8, [(delivery.notifications(), 12), (delivery.latency(), 12)]),
                ],
            ),
            Section(
                "Programs",
                [
                    Line(8, [(programs.programs(), 24)]),
                    Line(8, [(programs.processor(), 8), (programs.memory(), 8), (programs.open_files(), 8)]),
                ],
            ),
        ],
        since="now-1h",
        refresh="10s",
    )
