"""What is asked and answered: requests, errors, latency, batches."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import colour_of, dashed, dotted
from dashboards_src.layer.heatmaps import heatmap
from dashboards_src.layer.panels import LAST, MAX, lines
from dashboards_src.layer.queries import buckets_over_time, over_time
from dashboards_src.promql import RUN, of_project, rate, select
from dashboards_src.serving import quantities

_NO_REQUESTS = "no requests"
_BATCH = "taximeter_serving_batch_images"


def requests() -> Panel:
    """Requests per second by status."""
    by_code = f"sum by (code) {of_project(rate(select(quantities.REQUESTS, RUN)))}"
    return lines(
        title="Requests, by status",
        description=(
            "Requests answered per second, by HTTP status: 2xx are answers, 4xx errors of who asks, 5xx errors of the "
            "server."
        ),
        unit=units.PER_SECOND,
        minimum=0,
        stacked=True,
        legend=(LAST, MAX),
        queries=[over_time(by_code, "{{code}}")],
        no_value=_NO_REQUESTS,
        overrides=[colour_of("^2", colours.GOOD), colour_of("^4", colours.WARNING), colour_of("^5", colours.BAD)],
    )


def requests_by_run() -> Panel:
    """Requests per second by run."""
    return lines(
        title="Requests, by run",
        description="Requests answered per second, errors too, by run.",
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(quantities.per_second(quantities.REQUESTS), "{{run}}")],
        no_value=_NO_REQUESTS,
    )


def errors() -> Panel:
    """The share of requests that fail, by run."""
    return lines(
        title="Errors, by run",
        description="Share of the requests of each run that were answered with an error, 4xx or 5xx.",
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(
                f"{quantities.failed_per_second()} / ({quantities.per_second(quantities.REQUESTS)} > 0)", "{{run}}"
            )
        ],
        no_value=_NO_REQUESTS,
    )


def latency() -> Panel:
    """Quantiles of the latency by run."""
    return lines(
        title="Latency, by run",
        description=(
            "From a request's last byte to its answer, with the wait for its batch: what half, 95% (dashed) and 99% "
            "(dotted) of the requests stay below. Estimated from a histogram."
        ),
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(quantities.quantile(share, "run"), f"{{{{run}}}} {name}")
            for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
        ],
        no_value=_NO_REQUESTS,
        overrides=[dashed(" p95$"), dotted(" p99$")],
    )


def latencies() -> Panel:
    """All latencies."""
    buckets = of_project(rate(select("taximeter_serving_request_seconds_bucket", RUN)))
    return heatmap(
        title="Latencies",
        description=(
            "How many requests per second of the chosen runs took how long; two bands apart are two kinds of request, "
            "which no quantile shows."
        ),
        unit=units.PER_SECOND,
        bucket_unit=units.SECONDS,
        buckets=buckets_over_time(f"sum by (le) {buckets}"),
        no_value=_NO_REQUESTS,
    )


def batch_size() -> Panel:
    """Mean images of a batch by run."""
    images, batches = (f"sum by (run) {of_project(rate(select(f'{_BATCH}_{part}', RUN)))}" for part in ("sum", "count"))
    return lines(
        title="Batch size, by run",
        description=(
            "Images that the model is given at once, on average: images that arrive together are one batch, and a "
            "larger batch costs less for each."
        ),
        unit=units.COUNT,
        decimals=1,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"{images} / ({batches} > 0)", "{{run}}")],
        no_value=_NO_REQUESTS,
    )


def batches() -> Panel:
    """All batch sizes."""
    return heatmap(
        title="Batches",
        description="How many batches per second of the chosen runs had up to how many images.",
        unit=units.PER_SECOND,
        bucket_unit=units.COUNT,
        buckets=buckets_over_time(f"sum by (le) {of_project(rate(select(f'{_BATCH}_bucket', RUN)))}"),
        no_value=_NO_REQUESTS,
    )


def predictions() -> Panel:
    """Predictions per second by run."""
    return lines(
        title="Predictions, by run",
        description="Images that each run predicts per second; a request may have several.",
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(quantities.per_second(quantities.PREDICTIONS), "{{run}}")],
        no_value="nothing is served",
    )
