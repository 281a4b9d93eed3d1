"""Every query of a dashboard's file as PromQL that Prometheus can be asked, with Grafana's variables filled in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ALL = dict.fromkeys(("project", "run", "instance", "gpu", "gpu_model", "provider", "budget", "currency"), ".*")
"""Every filter that a dashboard may have, at All: links between dashboards carry them over by name."""

BUILT_IN = {"__interval": "15s", "__rate_interval": "1m", "__range": "1h"}
"""What Grafana fills in itself; `variables` may say otherwise."""

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::\w+)?\}|(?P<plain>[A-Za-z_]\w*))")
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.+),\s*(?P<label>\w+)\)")


@dataclass(frozen=True)
class Resolution:
    """How densely a range is to be asked for; durations as Grafana writes them.

    Attributes:
        columns: of Grafana's grid of 24, how wide the panel is.
        most_points: as many at most, instead of as many as the panel is wide in pixels.
        interval: the shortest between points that the panel wants.
        min_step: the shortest that the query wants.
    """

    columns: int = 24
    most_points: int | None = None
    interval: str | None = None
    min_step: str | None = None


@dataclass(frozen=True)
class Query:
    """One query.

    Attributes:
        panel: the panel's title; ``variable NAME`` or ``annotation NAME`` where it is not a panel's.
        ref_id: tells the queries of one panel apart; empty for variables and annotations.
        expr: PromQL.
        instant: asked at one moment; otherwise over a range.
        resolution: of the range; a rate looks back by it at one moment, too.
    """

    panel: str
    ref_id: str
    expr: str
    instant: bool
    resolution: Resolution = Resolution()


def dashboard_queries(path: Path, *, variables: Mapping[str, str]) -> list[Query]:
    """All queries of the dashboard's panels, variables and annotations.

    Args:
        path: a dashboard's JSON.
        variables: the values of the dashboard's variables, as they stand in PromQL (``.*`` for All).

    Raises:
        ValueError: a query names a variable that has no value, or is of a kind that cannot be turned into PromQL.
    """
    return [
        replace(query, expr=filled_in(query.expr, variables))
        for query in with_variables(json.loads(path.read_text(encoding="utf-8")))
    ]


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The dashboard's panels, those inside collapsed rows too, without the rows themselves."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def with_variables(dashboard: Mapping[str, Any]) -> Iterator[Query]:
    """All queries, with the variables in them."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            resolution = Resolution(
                panel["gridPos"]["w"], panel.get("maxDataPoints"), panel.get("interval"), target.get("interval")
            )
            yield Query(panel["title"], target["refId"], target["expr"], bool(target.get("instant")), resolution)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(f"variable {variable['name']}", "", _values_of_label(variable["query"]["query"]), True)
    for annotation in dashboard["annotations"]["list"]:
        yield Query(f"annotation {annotation['name']}", "", annotation["expr"], False)


def _values_of_label(query: str) -> str:
    """PromQL for what Grafana asks for as the values of a label within the time range."""
    match = _LABEL_VALUES.fullmatch(query)
    if match is None:
        raise ValueError(f"not of the form label_values(series, label): {query}")
    return f"group by ({match['label']}) (last_over_time({match['series']}[$__range]))"


def filled_in(expr: str, variables: Mapping[str, str]) -> str:
    """The expression with values instead of variables; see `dashboard_queries`."""
    values = {**BUILT_IN, **variables}

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name not in values:
            raise ValueError(f"no value for the variable {name} in: {expr}")
        return values[name]

    return _VARIABLE.sub(value, expr)
