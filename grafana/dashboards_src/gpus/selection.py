"""Which GPUs a panel is about: those of the filters, and of many only as many as a person can read.

A MIG instance is a device of its own beside its GPU, with a `gpu` such as ``0:2``.
"""

from dashboards_src.promql import select
from dashboards_src.shared import ranking

HOST = 'instance=~"$instance"'
FILTERS = f'{HOST}, gpu=~"$gpu"'
WHOLE = 'gpu!~".+:.+"'
INSTANCE = 'gpu=~".+:.+"'
"""Match GPUs, and MIG instances."""

DEVICE = "instance, gpu, uuid"
"""The labels by which a device is told from all others, and told to a reader."""

LEGEND = "GPU {{gpu}}, {{instance}}"


def of(metric: str, *matchers: str) -> str:
    """The metric's series of the chosen GPUs."""
    return select(metric, FILTERS, *matchers)


def by_device(series: str) -> str:
    """One series for each device: without what else tells series apart, such as the scrape's job."""
    return f"max by ({DEVICE}) ({series})"


def highest(expr: str) -> str:
    """Of `expr`, one series a device, those highest on average within the time range."""
    return ranking.highest(expr, by=DEVICE)


def lowest(expr: str) -> str:
    """Of `expr`, one series a device, those lowest on average within the time range."""
    return ranking.lowest(expr, by=DEVICE)
