"""A case as Prometheus sees it: its past as samples (OpenMetrics), and what it is from now on as recording rules.

From now on everything stays as it is at the moment in which the alert fires, but that clocks and counters go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fire.cases import Case
from fire.series import Series

COUNTER_STEP_SECONDS = 15.0
"""A counter is filled in so finely, so that its rate over any window is that of the test."""
LAST_STEP_SECONDS, LAST_SECONDS = 1.0, 900.0
"""Of late as finely as from now on: a rate does not reach far beyond its first sample where most are close together."""


def open_metrics(case: Case, now: float) -> str:
    """The samples of a case up to the moment in which its alert fires, which is `now` (seconds since 1970)."""
    begin = now - case.at
    lines = [
        f"{series.selector()} {value + begin if series.is_moment else value!r} {begin + second:.3f}"
        for series in case.series
        for second, value in _samples(series, case.at)
    ]
    return "\n".join([*lines, "# EOF", ""])


def going_on(case: Case, now: float) -> dict[str, Any]:
    """A rule file that records what there is from `now` on."""
    rules = [
        {"record": series.name, "labels": dict(series.labels), "expr": _expression(series, value, case.at, now)}
        for series in case.series
        if (value := series.at(case.at)) is not None
    ]
    return {"groups": [{"name": "simulated", "rules": rules}]}


def _samples(series: Series, until: float) -> Iterator[tuple[float, float]]:
    for index, value in enumerate(series.values):
        second = index * series.interval
        if second > until:
            return
        if value is not None:
            slope = series.slope(second)
            yield second, value
            more = _step(until - second)
            while slope and more < series.interval and second + more <= until:
                yield second + more, value + slope * more
                more += _step(until - second - more)


def _step(left: float) -> float:
    """Between two samples of a counter so many seconds before its past ends."""
    return LAST_STEP_SECONDS if left <= LAST_SECONDS else COUNTER_STEP_SECONDS


def _expression(series: Series, value: float, at: float, now: float) -> str:
    if series.is_moment:
        return f"vector(time() - {at - value!r})"
    if slope := series.slope(at):
        return f"vector({value!r} + {slope!r} * (time() - {now!r}))"
    return f"vector({value!r})"
