"""The form for sharing: the dashboards that are provisioned, which ask for their data source when imported."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana.files import DASHBOARDS, FILES, SHARING
from grafana.queries import panels

SHARED = sorted(SHARING.glob("*.json"))
ADDED = {"__inputs", "__elements", "__requires"}


def imported(node: Any, inputs: dict[str, str]) -> Any:
    """What Grafana makes of it: each ``${INPUT}`` in a text becomes what was picked."""
    if isinstance(node, dict):
        return {key: imported(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [imported(value, inputs) for value in node]
    if isinstance(node, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: inputs.get(match[1], match[0]), node)
    return node


def test_each_dashboard_is_there_in_both_forms() -> None:
    assert SHARED
    assert [path.name for path in SHARED] == [path.name for path in FILES]


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_once_imported_it_is_the_provisioned_one_with_another_data_source(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert [(entry["type"], entry["pluginId"]) for entry in document["__inputs"]] == [("datasource", "prometheus")]
    picked = {entry["name"]: "picked" for entry in document["__inputs"]}
    got = imported({key: value for key, value in document.items() if key not in ADDED}, picked)
    provisioned = json.loads((DASHBOARDS / path.name).read_text(encoding="utf-8"))
    assert got["templating"]["list"][0].pop("current")["value"] == "picked"
    assert provisioned["templating"]["list"][0].pop("current")["value"] == "default"
    assert got == provisioned


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_it_says_what_it_needs(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    needed = {(entry["type"], entry["id"]) for entry in document["__requires"]}
    kinds = {panel["type"] for panel in panels(document)}
    assert needed == {("grafana", "grafana"), ("datasource", "prometheus")} | {("panel", kind) for kind in kinds}
