"""Of many series only as many as a person can read, and those that tell most."""

AT_MOST = 20
"""Series on a panel over time: the GPUs of two machines, and about as many as a legend can hold."""

ROWS = 60
"""Rows of a table that has one for each device or program."""


def highest(expr: str, by: str) -> str:
    """Of `expr`, which has one series for each of the labels `by`, those highest on average within the time range."""
    return where_highest(expr, expr, by)


def where_highest(expr: str, rank: str, by: str) -> str:
    """The same, but ranked by another expression, which has one series for each of the labels `by`, too."""
    return _ranked("topk", expr, rank, by)


def lowest(expr: str, by: str) -> str:
    """Of `expr`, which has one series for each of the labels `by`, those lowest on average within the time range."""
    return _ranked("bottomk", expr, expr, by)


def _ranked(operator: str, expr: str, rank: str, by: str) -> str:
    # Ranked once, at the end of the time range: ranked at each step, ever other series would come and go.
    shown = f"{operator}({AT_MOST}, avg_over_time(({rank})[$__range:$__interval] @ end()))"
    return f"({expr}) and on ({by}) {shown}"
