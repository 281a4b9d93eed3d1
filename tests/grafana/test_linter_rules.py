"""The rules of grafana/dashboard-linter that the list of exclusions beside the dashboards does not leave out.

The program itself is Go and is not needed here. Its rules on titles, descriptions, data sources and targets are among
those of test_dashboards.py; that every query is valid is proved by a real Prometheus (tests/integration).
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from dashboards_src.layer import units
from grafana.files import DASHBOARDS
from grafana.queries import panels

LEFT_OUT = yaml.safe_load((DASHBOARDS / ".lint").read_text(encoding="utf-8"))["exclusions"]

SUMS_THEMSELVES = {
    "taximeter_cost_total": "money that the ledger holds",
    "taximeter_run_cost_total": "money that the ledger holds",
    "taximeter_run_device_seconds_total": "time that the ledger holds",
    "taximeter_run_energy_joules_total": "energy that the ledger holds",
    "taximeter_gap_seconds_total": "time that the ledger holds",
    "taximeter_unpriced_seconds_total": "time that the ledger holds",
    "taximeter_gpu_xid_errors_total": "errors since the exporter began, each code's series with its first",
    "taximeter_gpu_ecc_": "errors since the driver was loaded, or the GPU made",
    "taximeter_gpu_remapped_rows_total": "repairs since the GPU was made",
    "taximeter_gpu_retired_pages_total": "repairs since the GPU was made",
    "taximeter_refused_readings_total": "values since the exporter began, each reading's series with its first",
    "taximeter_training_": "what the run has done so far",
    "taximeter_serving_": "what the run has answered so far",
}
"""Counters, or how several begin, that are shown as they are: since the beginning, not within the range."""

_RANGE = re.compile(r"\[([^\]]+)\]")


def test_each_exclusion_says_why() -> None:
    assert all(len(entry["reason"]) > 5 for entry in LEFT_OUT.values())


def test_variables_are_read_anew_when_the_time_range_changes(dashboard: dict[str, Any]) -> None:
    for variable in dashboard["templating"]["list"]:
        assert variable["type"] == "datasource" or variable["refresh"] == 2, variable["name"]


def test_rates_look_back_as_far_as_the_resolution_asks(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            for function in ("rate", "irate"):
                for call in re.findall(rf"\b{function}\(([^()]*)\)", target["expr"]):
                    assert _RANGE.findall(call) == ["$__rate_interval"], f"{panel['title']}: {target['expr']}"


def test_counters_are_shown_as_they_are_only_where_they_are_sums(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            expr = re.sub(r"\b(rate|irate|increase|changes|resets)\([^()]*\)", "", target["expr"])
            for counter in re.findall(r"\b\w+_total\b", expr):
                assert counter.startswith(tuple(SUMS_THEMSELVES)), f"{panel['title']}: {counter} in {target['expr']}"


def test_units_are_those_of_the_layer(dashboard: dict[str, Any]) -> None:
    known = {value for name, value in vars(units).items() if name.isupper()}
    for panel in panels(dashboard):
        field = panel["fieldConfig"]
        overridden = [each["value"] for one in field["overrides"] for each in one["properties"] if each["id"] == "unit"]
        assert {field["defaults"]["unit"], *overridden} <= known, panel["title"]
