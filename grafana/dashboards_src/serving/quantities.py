"""What the panels count, as PromQL by run."""

from dashboards_src.promql import CURRENCY, PER_HOUR, RUN, kept, of_project, rate, select
from dashboards_src.shared import runs

REQUESTS = "taximeter_serving_requests_total"
PREDICTIONS = "taximeter_serving_predictions_total"
FAILED = 'code=~"4..|5.."'
PRICE = select("taximeter_serving_cost_per_1000_predictions", RUN, CURRENCY)

_SERVING = f"group by (run) ({kept(select(PREDICTIONS, RUN))})"


def per_second(counter: str, *matchers: str) -> str:
    """Rate of a counter by run."""
    return f"sum by (run) {of_project(rate(select(counter, RUN, *matchers)))}"


def failed_per_second() -> str:
    """Requests answered with an error by run; 0 where there was none."""
    return f"({per_second(REQUESTS, FAILED)} or 0 * {per_second(REQUESTS)})"


def served(counter: str, *matchers: str) -> str:
    """What each run has counted by the end of the time range."""
    return f"sum by (run) ({kept(select(counter, RUN, *matchers))})"


def cost() -> str:
    """Money by run and currency since the serving began, by the ledger; a run with a price by hand is not in it."""
    return f"({runs.kept_cost()} and on (run) {_SERVING})"


def cost_per_hour() -> str:
    """Money per hour by run and currency: by the ledger, else by the price by hand."""
    by_hand = f"max by (run, currency) {of_project(PRICE)} / 1000 * on (run) group_left () {per_second(PREDICTIONS)}"
    return f"({runs.cost_per_hour()} and on (run) {_SERVING} or {PER_HOUR} {by_hand})"


def quantile(share: float, *labels: str) -> str:
    """The latency that `share` of the requests stay below, by `labels`; estimated from the histogram's buckets."""
    buckets = of_project(rate(select("taximeter_serving_request_seconds_bucket", RUN)))
    return f"histogram_quantile({share}, sum by ({', '.join((*labels, 'le'))}) {buckets})"
