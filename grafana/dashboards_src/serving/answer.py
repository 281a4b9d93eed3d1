"""The head of the dashboard: what predictions cost now, how long they take, and how many fail."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.fields import good_until
from dashboards_src.layer.panels import values
from dashboards_src.layer.queries import now, over_time
from dashboards_src.promql import of_project
from dashboards_src.serving import quantities
from dashboards_src.shared import runs

_NOBODY = "nothing is served"


def price() -> Panel:
    """Money for 1,000 predictions now."""
    hourly = f"sum by (currency) ({quantities.cost_per_hour()} and on (run) {of_project(quantities.PRICE)})"
    return values(
        title="Cost per 1,000 predictions",
        description=(
            "What all chosen runs that serve cost per hour now, by what they predict per hour: their price is paid "
            "whether anybody asks or not, so the more is asked the less a prediction costs. No value while nobody asks."
        ),
        unit=units.MONEY,
        decimals=4,
        queries=[
            over_time(
                f"{hourly} / on () group_left () (3.6 * sum ({quantities.per_second(quantities.PREDICTIONS)}) > 0)",
                "{{currency}}",
                min_step=runs.BOOKED_EVERY,
            )
        ],
        no_value="no predictions",
    )


def cost_per_hour() -> Panel:
    """Money per hour of what serves."""
    return values(
        title="Cost per hour",
        description="What the chosen runs that serve cost per hour at this moment, whether anybody asks or not.",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        queries=[
            over_time(f"sum by (currency) ({quantities.cost_per_hour()})", "{{currency}}", min_step=runs.BOOKED_EVERY)
        ],
        no_value=_NOBODY,
    )


def predictions() -> Panel:
    """Predictions per second."""
    return values(
        title="Predictions",
        description="Images that the chosen runs predict per second now.",
        unit=units.PER_SECOND,
        decimals=1,
        queries=[over_time(f"sum ({quantities.per_second(quantities.PREDICTIONS)})", "all runs")],
        no_value=_NOBODY,
    )


def requests() -> Panel:
    """Requests per second."""
    return values(
        title="Requests",
        description="Requests for predictions that were answered per second now, errors too.",
        unit=units.PER_SECOND,
        decimals=1,
        queries=[over_time(f"sum ({quantities.per_second(quantities.REQUESTS)})", "all runs")],
        no_value=_NOBODY,
    )


def errors() -> Panel:
    """The share of requests that fail."""
    return values(
        title="Errors",
        description=(
            "Share of the requests that were answered with an error: 4xx, such as an image that cannot be read, is "
            "the asker's; 5xx is the server's. Orange from 1%, vermillion from 5%."
        ),
        unit=units.RATIO,
        decimals=1,
        steps=good_until(0.01, 0.05),
        background=True,
        queries=[
            now(
                f"""sum ({quantities.failed_per_second()})
                / (sum ({quantities.per_second(quantities.REQUESTS)}) > 0)""",
                "of the requests",
            )
        ],
        no_value="no requests",
    )


def latency() -> Panel:
    """Median and slow requests."""
    return values(
        title="Latency",
        description=(
            "From a request's last byte to its answer, over all chosen runs: what half and 95% of the requests stay "
            "below. Estimated from a histogram."
        ),
        unit=units.SECONDS,
        queries=[now(quantities.quantile(0.5), "p50"), now(quantities.quantile(0.95), "p95")],
        no_value="no requests",
    )
