"""Queries come out of a dashboard as Prometheus will be asked them."""

import json
from pathlib import Path
from typing import Any

import pytest
from grafana.queries import Query, Resolution, dashboard_queries


def written(folder: Path, *, expr: str = "up", variable: str = "label_values(up, job)") -> Path:
    inner = {
        "type": "stat",
        "title": "Inside",
        "gridPos": {"w": 6},
        "maxDataPoints": 100,
        "interval": "1m",
        "targets": [{"refId": "A", "expr": "up", "interval": "15s"}],
    }
    panel = {
        "type": "stat",
        "title": "Up",
        "gridPos": {"w": 24},
        "targets": [{"refId": "B", "expr": expr, "instant": True}],
    }
    document: dict[str, Any] = {
        "panels": [panel, {"type": "row", "title": "Folded", "panels": [inner]}],
        "templating": {
            "list": [
                {"type": "datasource", "name": "datasource", "query": "prometheus"},
                {"type": "query", "name": "job", "query": {"query": variable}},
            ]
        },
        "annotations": {"list": [{"name": "Alerts", "expr": "ALERTS"}]},
    }
    path = folder / "dashboard.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_panels_folded_panels_variables_and_annotations_are_found(tmp_path: Path) -> None:
    assert dashboard_queries(written(tmp_path), variables={}) == [
        Query("Up", "B", "up", True),
        Query("Inside", "A", "up", False, Resolution(6, 100, "1m", "15s")),
        Query("variable job", "", "group by (job) (last_over_time(up[1h]))", True),
        Query("annotation Alerts", "", "ALERTS", False),
    ]


@pytest.mark.parametrize("form", ["$job", "${job}", "${job:regex}"])
def test_variables_are_filled_in(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, expr=f'rate(up{{job=~"{form}"}}[$__rate_interval])')
    assert dashboard_queries(path, variables={"job": ".*"})[0].expr == 'rate(up{job=~".*"}[1m])'


def test_built_in_variables_may_be_set(tmp_path: Path) -> None:
    path = written(tmp_path, expr="rate(up[$__rate_interval])")
    assert dashboard_queries(path, variables={"__rate_interval": "5s"})[0].expr == "rate(up[5s])"


def test_groups_of_a_regular_expression_are_no_variables(tmp_path: Path) -> None:
    expr = 'label_replace(up, "a", "$1 $2", "b", "(.*) (.*)")'
    assert dashboard_queries(written(tmp_path, expr=expr), variables={})[0].expr == expr


def test_a_variable_without_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no value for the variable host"):
        dashboard_queries(written(tmp_path, expr='up{host="$host"}'), variables={})


def test_a_variable_query_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label_values"):
        dashboard_queries(written(tmp_path, variable="metrics(up)"), variables={})
