"""Which GPUs a panel is about: those of the filters, and of many only as many as a person can read."""

from dashboards_src.promql import HOST, select
from dashboards_src.shared import ranking

_FILTERS = f'{HOST}, gpu=~"$gpu"'

DEVICE = "instance, gpu, uuid"
"""The labels by which a device is told from all others, and told to a reader."""

LEGEND = "GPU {{gpu}}, {{instance}}"


def of(metric: str, *matchers: str) -> str:
    """The metric's series of the chosen GPUs."""
    return select(metric, _FILTERS, *matchers)


def by_device(series: str) -> str:
    """One series for each device: without what else tells series apart, such as the scrape's job."""
    return f"max by ({DEVICE}) ({series})"


def highest(expr: str) -> str:
    """Of `expr`, one series a device, those highest on average within the time range."""
    return ranking.highest(expr, by=DEVICE)


def lowest(expr: str) -> str:
    """Of `expr`, one series a device, those lowest on average within the time range."""
    return ranking.lowest(expr, by=DEVICE)
