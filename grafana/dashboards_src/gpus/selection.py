"""Which GPUs a panel is about: those of the filters, and of many only as many as a person can read.

A MIG instance is a device of its own beside its GPU, with a `gpu` such as ``0:2``.
"""

from dashboards_src.promql import select

HOST = 'instance=~"$instance"'
FILTERS = f'{HOST}, gpu=~"$gpu"'
WHOLE = 'gpu!~".+:.+"'
INSTANCE = 'gpu=~".+:.+"'
"""Match GPUs, and MIG instances."""

DEVICE = "instance, gpu, uuid"
"""The labels by which a device is told from all others, and told to a reader."""

LEGEND = "GPU {{gpu}}, {{instance}}"

AT_MOST = 20
"""Series on a panel over time: the GPUs of two machines, and about as many as a legend can hold."""

ROWS = 60
"""Rows of a table of GPUs."""


def of(metric: str, *matchers: str) -> str:
    """The metric's series of the chosen GPUs."""
    return select(metric, FILTERS, *matchers)


def by_device(series: str) -> str:
    """One series for each device: without what else tells series apart, such as the scrape's job."""
    return f"max by ({DEVICE}) ({series})"


def highest(expr: str, by: str = DEVICE) -> str:
    """Of `expr`, which has one series for each of the labels `by`, those highest on average within the time range."""
    return _ranked("topk", expr, by)


def lowest(expr: str, by: str = DEVICE) -> str:
    """Of `expr`, which has one series for each of the labels `by`, those lowest on average within the time range."""
    return _ranked("bottomk", expr, by)


def _ranked(operator: str, expr: str, by: str) -> str:
    # Ranked once, at the end of the time range: ranked at each step, ever other devices would come and go.
    rank = f"{operator}({AT_MOST}, avg_over_time(({expr})[$__range:$__interval] @ end()))"
    return f"({expr}) and on ({by}) {rank}"
