"""The dashboard of runs shows runs of the chosen projects, and those whose project nobody knows, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from demo.binaries import Tools
from grafana.files import DASHBOARDS
from grafana.full_house import exposition
from grafana.queries import ALL, filled_in, panels
from prometheus_client.parser import text_string_to_metric_families

from grafana import reckoning

pytestmark = pytest.mark.binaries

PROJECTS = {"ours": "lab", "theirs": "another", "alone": None}
"""By run; of the last one no exporter knows."""

INFO = "taximeter_run_info"
"""What an exporter knows of a run."""

FILTERS = {**ALL, "project": "lab", "__range": "30m", "__rate_interval": "4m"}


def series() -> Iterator[tuple[str, str]]:
    """Every metric about runs and trainings of the tables, of each of the runs; counters rise."""
    text = "".join(exposition(of_trainers=of_trainers, began=0) for of_trainers in (True, False))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "run" not in sample.labels or not sample.name.startswith(("taximeter_training_", "taximeter_run_")):
                continue
            for run, project in PROJECTS.items():
                labels = {**sample.labels, "run": run}
                if sample.name == INFO:
                    if project is None:
                        continue
                    labels |= {"project": project, "simulated": "true"}
                yield _named(sample.name, labels), "0+6x30" if family.type in ("counter", "histogram") else "1x30"


def _named(name: str, labels: Mapping[str, str]) -> str:
    inside = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}"


def by_run(panel: Mapping[str, Any]) -> bool:
    """Whether the panel tells runs apart, and shows more than the first of them."""
    shown = json.dumps([panel["targets"], panel.get("transformations")])
    return ("{{run}}" in shown or '"run"' in shown) and panel["title"] not in ("Most accurate", "Cheapest per point")


def test_panels_by_run_show_ours_and_those_of_no_known_project(tools: Tools, tmp_path: Path) -> None:
    document = json.loads((DASHBOARDS / "training-run.json").read_text(encoding="utf-8"))
    exprs = [
        filled_in(target["expr"], FILTERS) for panel in panels(document) if by_run(panel) for target in panel["targets"]
    ]
    assert len(exprs) > 30
    known, unknown = {'{run="ours"}': 1.0}, {'{run="alone"}': 1.0}
    reckoning.reckon(
        tools,
        tmp_path,
        dict(series()),
        {
            f"group by (run) ({expr})": known if f"{INFO}{{run=" in expr else known | unknown  # who and what it is
            for expr in exprs
        },
    )


def test_time_by_phase_is_that_of_the_same_runs(tools: Tools, tmp_path: Path) -> None:
    spent = {
        ("ours", "data_wait"): "0+1x30",
        ("ours", "optimizer"): "0+2x30",
        ("alone", "optimizer"): "0+1x30",
        ("theirs", "data_wait"): "0+60x30",
    }
    reckoning.reckon(
        tools,
        tmp_path,
        {
            'taximeter_run_info{run="ours", project="lab"}': "1x30",
            'taximeter_run_info{run="theirs", project="another"}': "1x30",
            **{
                f'taximeter_training_phase_seconds_total{{run="{run}", rank="0", phase="{phase}"}}': seconds
                for (run, phase), seconds in spent.items()
            },
        },
        {
            reckoning.query("training-run", "Time by phase", filters=FILTERS): {
                '{phase="data wait"}': 0.25,
                '{phase="optimizer"}': 0.75,
            }
        },
    )
