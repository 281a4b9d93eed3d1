"""The template, made into many hosts over time: labels that tell them apart, and values that are made up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.fleet.template import ENDED, PROJECTS, RUNS, Series

HOUR = 3600.0
DAY = 24 * HOUR
MONTH = 30 * DAY
ALL_PROJECTS = 20
"""So many share the fleet."""
LIMIT = 10_000.0
"""Of each budget, in USD."""

HEALTHY = {"taximeter_training_goodput_ratio": 0.9}
"""Of what a run of a few seconds has an alert would speak. Nothing is wrong in this fleet but with some budgets."""

_OF_NEWER_GPUS = frozenset(
    {"taximeter_gpu_temperature_margin_celsius", "taximeter_gpu_temperature_margin_limit_celsius"}
)
_OF_OLDER_GPUS = frozenset({"taximeter_gpu_temperature_threshold_celsius"})
_OF_OLDEST_GPUS = frozenset({"taximeter_gpu_retired_pages_pending", "taximeter_gpu_retired_pages_total"})
"""The simulated GPU tells all that NVML may tell, which no real one does. How hot it may be is said by a margin on Ada
and later, by thresholds before: hosts have the one or the other by turns. None has those from before Ampere, whose
memory was repaired by retiring pages."""

Course = Callable[[float], float]
"""A series' value at a moment, in seconds since 1970."""


@dataclass(frozen=True)
class Moment:
    """When the fleet is looked at.

    Attributes:
        end: the last moment of which there are samples, in seconds since 1970.
        sharing: so many hosts spend of a budget, each as much as the others.
        passed: how much of the budgets' month has passed by then. A budget on plan has spent this part of its limit.
    """

    end: float
    sharing: int
    passed: float = 0.2

    @property
    def month_began(self) -> float:
        """In seconds since 1970."""
        return self.end - self.passed * MONTH


@dataclass(frozen=True)
class Line:
    """One series of the fleet.

    Attributes:
        lived: the first and the last moment at which it was there, in seconds since 1970.
    """

    name: str
    labels: dict[str, str]
    course: Course
    lived: tuple[float, float] = (0.0, math.inf)


def host(number: int, series: Sequence[Series], moment: Moment) -> Iterator[Line]:
    """All series of one host."""
    names = _names(number)
    others = _OF_OLDEST_GPUS | (_OF_OLDER_GPUS if number % 2 else _OF_NEWER_GPUS)
    for each in series:
        if each.name in others:
            continue
        labels = {label: names.get(value, value) for label, value in each.labels.items() if value}
        if uuid := labels.get("uuid", ""):
            labels["uuid"] = f"{uuid}-host-{number:03d}"
        port = 9878 + RUNS.index(each.labels["run"]) if each.job == "taximeter-trainer" else 9877
        labels |= {"job": each.job, "instance": f"host-{number:03d}:{port}"}
        yield Line(each.name, labels, _course(each, number, moment))
    for job, port in (("taximeter-exporter", 9877), *(("taximeter-trainer", 9878 + n) for n in range(len(RUNS)))):
        target = {"job": job, "instance": f"host-{number:03d}:{port}"}
        yield Line("up", target, lambda _: 1.0)
        yield Line("scrape_duration_seconds", target, lambda at: 0.005 + at % 7 / 10_000)


def _names(number: int) -> dict[str, str]:
    """What the host's runs and projects are called."""
    runs = {run: f"{run}-host-{number:03d}" for run in (*RUNS, ENDED)}
    return runs | {
        project: f"project-{(len(PROJECTS) * number + position) % ALL_PROJECTS + 1}"
        for position, project in enumerate(PROJECTS)
    }


def _course(series: Series, number: int, moment: Moment) -> Course:
    """How the value goes: counters as fast as in the template, and so high that they never were below 0."""
    if series.name in HEALTHY:
        healthy = HEALTHY[series.name]
        return lambda _: healthy
    first, value = series.values
    if series.name.startswith("taximeter_budget_"):
        return _of_budget(series, moment)
    if series.name.endswith(("_timestamp_seconds", "_start_time_seconds")):
        return _timestamp(series, moment)
    by_host = 1 + number % 10 / 100
    if series.counter:
        rate = by_host * (value - first)
        return lambda at: value + rate * (at - moment.end + MONTH)
    # Up and down between the two that were seen, another way at each moment and on each host.
    return lambda at: first + (value - first) * ((at * by_host * 0.618) % 1)


def _of_budget(series: Series, moment: Moment) -> Course:
    edges = {"start": moment.month_began, "end": moment.month_began + MONTH}
    spent = LIMIT * _spent_ratio(int(series.labels["budget"].rpartition("-")[2]), moment) / moment.sharing
    match series.name.split("_")[2:]:
        case ["period", edge, *_]:
            return lambda _: edges[edge]
        case ["limit"]:
            return lambda _: LIMIT
        case ["spent"]:
            return lambda at: spent * (at - moment.month_began) / (moment.end - moment.month_began)
        case ["forecast"]:
            return lambda _: 0.99 * spent / moment.passed
        case _:
            return lambda _: series.values[1]


def _spent_ratio(budget: int, moment: Moment) -> float:
    """What all have spent of a limit: of one all of it, of one much more than planned, of others a little less."""
    match budget:
        case 1:
            return 1.01
        case 2:
            return min(0.9, 3 * moment.passed)
        case _:
            return moment.passed * (0.75 + budget / 250)


def _timestamp(series: Series, moment: Moment) -> Course:
    if "last_success" in series.name or "last_write" in series.name:
        return lambda at: at - 0.5
    if "period_end" in series.name:
        return lambda _: moment.month_began + MONTH
    hours = 0.5 if series.labels.get("run") == ENDED else 20
    return lambda _: moment.end - hours * HOUR
