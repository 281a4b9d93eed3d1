"""Queries that answer nothing on a healthy host with one run, each with the reason.

Each answers on simulated GPUs, or in the full house: that is tested, so that no excuse hides a broken query.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from grafana.files import DASHBOARDS
from grafana.queries import ALL, dashboard_queries


@dataclass(frozen=True)
class MayBeEmpty:
    """A query that answers nothing on a machine where that is right.

    Attributes:
        panel: the panel's title, or ``annotation NAME`` or ``variable NAME``.
        ref_id: the query's; empty for annotations and variables.
        reason: why nothing is right.
    """

    panel: str
    ref_id: str
    reason: str


def of_panel(panel: str, ref_ids: str, reason: str) -> Iterator[MayBeEmpty]:
    """Several queries of a panel, by their letters."""
    return (MayBeEmpty(panel, ref_id, reason) for ref_id in ref_ids)


def of_dashboard(name: str, reason: str, *, but: Collection[str] = ()) -> Iterator[MayBeEmpty]:
    """All panels of a dashboard `but` some, and not its filters and marks."""
    for query in dashboard_queries(DASHBOARDS / f"{name}.json", variables=ALL):
        if query.ref_id and query.panel not in but:
            yield MayBeEmpty(query.panel, query.ref_id, reason)


_ALWAYS_IN_USE = "the host may never have been idle"
_YOUNG = "rates of budgets look back on half an hour and more"

_NO_OFFERS = "offers are for GPUs, and a host without one has none"

may_be_empty = [
    *of_panel("Budgets", "FG", _YOUNG),
    MayBeEmpty("Spent per hour", "A", _YOUNG),
    *of_panel("Burn rate", "AB", _YOUNG),
    MayBeEmpty("Runway", "A", _YOUNG),
    *of_panel("Budgets of several machines", "ABCDE", "there is one machine"),
    *of_panel("Who spends now", "ABC", "the run has ended"),
    *of_panel("Wasted on idle devices", "AB", _ALWAYS_IN_USE),
    *(MayBeEmpty(f"By {what}", "D", _ALWAYS_IN_USE) for what in ("host", "GPU model", "provider", "pricing model")),
    MayBeEmpty("Gaps and unpriced time", "C", "the exporter was never down"),
    MayBeEmpty("Spending per hour, by project", "A", "it is recorded once a minute"),
    *of_panel("Runs that spend now", "ABCDE", "the run has ended"),
    MayBeEmpty("Prices", "C", "the price has no date"),
    MayBeEmpty("annotation Spot machine is taken", "", "the machine is not spot"),
    MayBeEmpty("annotation Simulated devices", "", "the devices are real"),
    MayBeEmpty("annotation Budget stops", "", "no budget stops the run"),
    MayBeEmpty("annotation Run stopped or lost", "", "the run finishes"),
    MayBeEmpty("annotation Out of memory", "", "the memory suffices"),
    MayBeEmpty("Cost to finish", "A", "the run has ended"),
    *of_panel("Runs compared", "IJL", "the run has ended"),
    MayBeEmpty("Runs compared", "N", "the devices are real"),
    MayBeEmpty("Lost and repeated", "F", "the run has ended, and its lease with it"),
    MayBeEmpty("Runs compared", "K", "the run has no budget of its own"),
    MayBeEmpty("Cost, forecast and budget", "C", "the run has no budget of its own"),
    MayBeEmpty("Run budget used", "A", "the run has no budget of its own"),
    MayBeEmpty("Data read", "A", "the data set is built in"),
    MayBeEmpty("Share of peak FLOP/s", "A", "of a processor no peak is known"),
    MayBeEmpty("Peak memory of tensors", "A", "a host without a GPU"),
    *of_panel("SM utilisation by run", "AB", "a host without a GPU"),
    *of_panel("GPU memory by run", "AB", "a host without a GPU"),
    MayBeEmpty("Power by run", "A", "a host without a GPU reports no power"),
    MayBeEmpty("Who, what and when", "E", "a host without a GPU reports no energy"),
    *of_dashboard("serving", "nothing is served"),
    *of_dashboard("gpus", "a host without a GPU", but={"GPUs", "With a problem"}),  # these say 0
    MayBeEmpty("variable gpu", "", "a host without a GPU"),
    MayBeEmpty("Age of prices", "A", "the price has no date"),
    *of_panel("Spot machines: notices watched", "AB", "the machine is not spot"),
    *of_panel("Paid now", "A", _NO_OFFERS),
    *of_panel("Cheapest on the same terms", "A", _NO_OFFERS),
    *of_panel("Cheapest on any terms", "A", _NO_OFFERS),
    *of_panel("Could be saved", "A", _NO_OFFERS),
    *of_panel("Prices by age", "ABC", _NO_OFFERS),
    *of_panel("These GPUs, here and elsewhere", "ABCDEFGHIJ", _NO_OFFERS),
    *of_panel("All offers", "ABCDE", _NO_OFFERS),
    *of_panel("Per GPU and hour, by provider", "A", _NO_OFFERS),
    *of_panel("Per GPU and hour, over time", "AB", _NO_OFFERS),
    *of_panel("Runs that ended, here and elsewhere", "ABCDEFGHI", _NO_OFFERS),
    *of_panel("These runs by each offer", "ABCDE", _NO_OFFERS),
    *of_panel("A cheaper GPU that would do", "ABCDEF", _NO_OFFERS),
    MayBeEmpty("variable gpu_model", "", _NO_OFFERS),
    MayBeEmpty("variable provider", "", _NO_OFFERS),
]
