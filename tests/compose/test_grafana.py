"""The dashboards in a real Grafana that compose provisioned: each is there as it is written, each query is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from compose.conftest import RunningStack
from compose.grafana import DATASOURCE, Grafana
from demo.web import get_json
from grafana.files import FILES
from grafana.queries import ALL, dashboard_queries

pytestmark = pytest.mark.compose


@pytest.fixture
def grafana(stack: RunningStack) -> Grafana:
    if stack.without_grafana:
        pytest.skip(f"Grafana was left out of the stack: {stack.without_grafana}")
    return Grafana(stack.url("grafana"))


def test_anyone_sees_the_dashboards_and_cost_now_first(grafana: Grafana) -> None:
    documents: list[Any] = [json.loads(path.read_text(encoding="utf-8")) for path in FILES]
    assert grafana.titles().items() >= {document["uid"]: document["title"] for document in documents}.items()
    assert get_json(f"{grafana.url}/api/dashboards/home")["dashboard"]["title"] == "Taximeter: cost now"


def test_the_data_source_is_our_prometheus(grafana: Grafana) -> None:
    through = f"{grafana.url}/api/datasources/proxy/uid/{DATASOURCE}/api/v1/query"
    assert get_json(through, query='up{job="taximeter-exporter"}')["data"]["result"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_is_provisioned_as_it_is_written_and_answers(grafana: Grafana, path: Path) -> None:
    written = json.loads(path.read_text(encoding="utf-8"))
    stored = grafana.dashboard(written["uid"])
    assert [panel["title"] for panel in stored["panels"]] == [panel["title"] for panel in written["panels"]]
    problems = {query: grafana.problem(query) for query in dashboard_queries(path, variables=ALL)}
    assert {query: problem for query, problem in problems.items() if problem} == {}
