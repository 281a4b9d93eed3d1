"""Fragments of PromQL that the dashboards share.

Panels ask for the programs' own metrics where they can, so that most of a dashboard also works on a Prometheus that
scrapes Taximeter without its rules. Rates of budgets and projects, what looks back over weeks, and what adds up
machines that went away are what the rules record: without them a panel of nothing else says so, and a column of it
stays empty.
"""

RUN = 'run=~"$run"'
PROJECT = 'project=~"$project"'
CURRENCY = 'currency=~"$currency"'
HOST = 'instance=~"$instance"'
"""What the filters of these names let through; a host goes by the address of its exporter."""

EXPORTER = 'job="taximeter-exporter"'
WHOLE_GPU = 'gpu!~".+:.+"'
MIG_INSTANCE = 'gpu=~".+:.+"'
"""A MIG instance is a device of its own beside its GPU, with a `gpu` such as ``0:2``."""

PER_HOUR = "3600 *"
"""Turns a rate per second into one per hour, as prices are."""

OTHER_PROJECTS = 'taximeter_run_info{project!~"$project"}'


def select(metric: str, *matchers: str) -> str:
    """The metric's series that all matchers let through."""
    return f"{metric}{{{', '.join(matchers)}}}"


def rate(series: str) -> str:
    """Per second, over a window that fits the scrape interval and the resolution of the panel."""
    return f"rate({series}[$__rate_interval])"


def gained(counter: str) -> str:
    """What a counter of what seldom happens gained within the time range; all of it where it is younger or began anew.

    For counters whose series begin with their first event, which a rate never sees.
    """
    return f"{counter} - ({counter} offset $__range) >= 0 or {counter}"


def grown(counter: str, within: str) -> str:
    """Those series of such a counter that gained anything within a time such as ``1h``."""
    return f"{counter} unless {counter} <= {counter} offset {within}"


def firing_alerts(severity: str | None = None) -> str:
    """Those of Taximeter's alerts that fire; the Watchdog, which always does, is not among them."""
    of_severity = [] if severity is None else [f'severity="{severity}"']
    return select("ALERTS", 'alertname=~"Taximeter.*"', 'alertstate="firing"', *of_severity)


def of_project(series: str) -> str:
    """`series` with a label ``run``, but not those of runs known to belong to a project that is not chosen.

    A run that no exporter knows (a trainer alone) has no project and stays.
    """
    return f"({series} unless on (run) {OTHER_PROJECTS})"


def kept(series: str) -> str:
    """The last value that each of `series` had within the time range: runs that ended stay in sight."""
    return f"last_over_time({series}[$__range])"


def chosen(expr: str) -> str:
    """`expr` with a label ``run``, but not runs known within the time range to be of a project that is not chosen."""
    return f"({expr} unless on (run) {kept(OTHER_PROJECTS)})"


def kept_of_project(series: str) -> str:
    """The last value within the time range, of runs of the chosen projects."""
    return chosen(kept(series))
