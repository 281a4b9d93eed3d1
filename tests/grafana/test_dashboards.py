"""Rules that every generated dashboard keeps."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from dashboards_src.layer import colours
from grafana.contract import PROMETHEUS, TAXIMETER, WATCHERS
from grafana.excuses import may_be_empty
from grafana.files import ARCHITECTURE, FILES, RULES
from grafana.queries import ALL, dashboard_queries, panels
from taximeter.phases import PHASES

_SERIES = re.compile(
    r"\b(?P<metric>\w+:taximeter_\w+:\w+|(?:taximeter|prometheus|alertmanager|scrape|process)_\w+|up|ALERTS"
    r"|ALERTS_FOR_STATE)\b(?:\{(?P<matchers>[^}]*)\})?"
)
_RECORDED = re.compile(r"\w+:\w+:\w+")


def datasources(node: Any) -> Iterator[Any]:
    """Every value under a key ``datasource``, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "datasource":
                yield value
            else:
                yield from datasources(value)
    elif isinstance(node, list):
        for value in node:
            yield from datasources(value)


def test_there_is_a_dashboard() -> None:
    assert FILES


def test_every_metric_and_label_is_promised(path: Path) -> None:
    promised = {**TAXIMETER, **PROMETHEUS, **WATCHERS}
    for query in dashboard_queries(path, variables=ALL):
        found = list(_SERIES.finditer(query.expr))
        assert found, f"{query.panel} {query.ref_id} asks for no metric: {query.expr}"
        for series in found:
            metric = series["metric"]
            if _RECORDED.fullmatch(metric):
                continue  # a rule of ours, see below
            assert metric in promised, f"{query.panel} {query.ref_id}: {metric} is in no table"
            for label in re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", series["matchers"] or ""):
                assert label in promised[metric], f"{query.panel} {query.ref_id}: {metric} has no label {label}"


def test_every_recorded_series_has_its_rule(path: Path) -> None:
    recorded = {name for rules in RULES for name in re.findall(r"record: (\S+)", rules.read_text(encoding="utf-8"))}
    for query in dashboard_queries(path, variables=ALL):
        assert set(_RECORDED.findall(query.expr)) <= recorded, f"{query.panel} {query.ref_id}: {query.expr}"


def test_queries_that_may_be_empty_exist() -> None:
    known = {(query.panel, query.ref_id) for path in FILES for query in dashboard_queries(path, variables=ALL)}
    assert {(query.panel, query.ref_id) for query in may_be_empty} <= known


def test_identity(dashboard: dict[str, Any], path: Path) -> None:
    assert dashboard["uid"] == f"taximeter-{path.stem}"
    assert len(dashboard["uid"]) <= 40, "Grafana cuts uids at 40 characters"
    assert dashboard["title"].startswith("Taximeter: ")
    assert dashboard["description"]
    assert dashboard["tags"] == ["taximeter"]
    assert dashboard.get("id") is None
    assert "__inputs" not in dashboard, "file provisioning fills in no inputs"


def test_ids_are_unique(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]] + [
        inner["id"] for row in dashboard["panels"] for inner in row.get("panels") or []
    ]
    assert [number for number, times in Counter(ids).items() if times > 1] == []
    assert all(isinstance(number, int) and number > 0 for number in ids)


def test_panel_titles_are_unique_within_a_kind(dashboard: dict[str, Any]) -> None:
    titles = Counter((panel["title"], panel["type"]) for panel in panels(dashboard))
    assert [title for title, times in titles.items() if times > 1] == []


def test_every_panel_explains_itself(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        title = panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert title
        assert len(panel["description"]) > 20, title
        assert panel["description"].endswith("."), title
        assert defaults["unit"], title
        assert defaults["noValue"], title
        assert defaults["thresholds"]["steps"][0]["value"] is None, title
        assert panel["pluginVersion"], f"{title}: Grafana would migrate its options"


def test_every_query_is_named(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        references = [target["refId"] for target in panel["targets"]]
        assert references, panel["title"]
        assert len(references) == len(set(references)), panel["title"]
        for target in panel["targets"]:
            assert target["expr"], panel["title"]
            assert target["instant"] is not target["range"], panel["title"]
            assert target["legendFormat"] or target["format"] == "table", f"{panel['title']} {target['refId']}"


def test_every_legend_of_a_label_is_kept_by_its_query(dashboard: dict[str, Any]) -> None:
    """A label in a legend that the aggregation drops shows as nothing."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", target["expr"]))))
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in kept or not kept, f"{panel['title']} {target['refId']}: {label}"


def test_every_table_column_comes_from_a_query(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        if panel["type"] != "table":
            continue
        labels = set(re.findall(r"\w+", " ".join(t["expr"] for t in panel["targets"])))
        several = len(panel["targets"]) > 1
        references = {f"Value #{target['refId']}" if several else "Value" for target in panel["targets"]}
        shown = panel["transformations"][1]["options"]["include"]["names"]
        assert len(shown) == len(set(shown)), panel["title"]
        for field in shown:
            assert field in references or field in labels, f"{panel['title']}: {field}"


def test_only_the_data_source_variable_is_asked(dashboard: dict[str, Any]) -> None:
    found = list(datasources(dashboard))
    assert found
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in found)
    for panel in panels(dashboard):
        assert "datasource" in panel
        assert all("datasource" in target for target in panel["targets"]), panel["title"]


def test_variables(dashboard: dict[str, Any]) -> None:
    source, *filters = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert {variable["name"] for variable in filters} <= ALL.keys()
    for variable in filters:
        assert variable["label"], variable["name"]
        assert variable["description"], variable["name"]
        assert variable["multi"], variable["name"]
        assert variable["includeAll"], variable["name"]
        assert variable["allValue"] == ".*", variable["name"]
        assert variable["current"]["value"] == ["$__all"], variable["name"]
        used = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
        assert any(f"${variable['name']}" in expr for expr in used), f"{variable['name']} filters nothing"


def test_all_dashboards_are_a_click_away_and_keep_time_and_filters(dashboard: dict[str, Any]) -> None:
    (menu,) = dashboard["links"]
    assert (menu["type"], menu["tags"]) == ("dashboards", ["taximeter"])
    assert menu["keepTime"]
    assert menu["includeVars"]


def test_every_link_within_a_panel_leads_to_a_dashboard_and_keeps_the_time(dashboard: dict[str, Any]) -> None:
    uids = {f"taximeter-{path.stem}" for path in FILES}
    for panel in panels(dashboard):
        for address in re.findall(r'"url": "([^"]+)"', json.dumps(panel)):
            match = re.fullmatch(r"/d/([\w-]+)\?\$\{__url_time_range\}&\$\{datasource:queryparam\}(.*)", address)
            assert match, f"{panel['title']}: {address}"
            assert match[1] in uids, f"{panel['title']}: {address}"
            assert set(re.findall(r"&var-(\w+)=", match[2])) <= ALL.keys(), f"{panel['title']}: {address}"


def test_panels_fit_the_grid_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in dashboard["panels"]]
    for title, place in places:
        assert place["x"] >= 0, title
        assert place["w"] >= 3, title
        assert place["h"] >= 1, title
        assert place["x"] + place["w"] <= 24, title
    for (one, a), (other, b) in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, f"{one} overlaps {other}"


def test_simulated_devices_are_marked(dashboard: dict[str, Any]) -> None:
    marks = {mark["name"]: mark for mark in dashboard["annotations"]["list"]}
    assert 'simulated="true"' in marks["Simulated devices"]["expr"]
    assert marks["Simulated devices"]["enable"]
    assert marks["Simulated devices"]["hide"], "the reader must not be able to switch it off"


def test_every_share_and_phase_has_a_colour() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    shares = re.search(r"`share`:(.*?)\n`severity`", text, re.DOTALL)
    assert shares is not None
    assert set(re.findall(r"\b(\w+) \(", shares[1])) == set(colours.SHARES)
    assert set(PHASES) == set(colours.PHASES)


@pytest.mark.parametrize(
    "meanings", [colours.SHARES, colours.PHASES, colours.SEVERITIES], ids=["share", "phase", "sev"]
)
def test_no_colour_means_two_things(meanings: dict[str, str]) -> None:
    assert len(set(meanings.values())) == len(meanings)
