"""What Markdown files call a metric, a recording rule or an alert has that name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from generate import exporter, trainer
from pages.markdown import FILES, REPOSITORY, code
from taximeter import Meter

RULES = [
    rule
    for path in sorted((REPOSITORY / "prometheus").glob("*rules/*.yml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"] for rule in RULES if "alert" in rule}
RECORDS = {rule["record"] for rule in RULES if "record" in rule}
METRICS = {row.name for table in (*exporter.TABLES, *trainer.TABLES) for row in table.rows}

IN_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")

BEGINNINGS = {"taximeter_training_…", "taximeter_serving_…", "level:taximeter_…"}
"""Not names, but how many begin."""


def unknown(text: str) -> Iterator[str]:
    """What is named as a metric, a recording rule or an alert of ours, and is none."""
    for name in re.findall(r"(?:\b[a-z_]+:)?\btaximeter_\w*(?::\w+)?…?", text):
        histogram = re.sub(r"_(bucket|sum|count)$", "", name)
        if not {name, histogram} & (METRICS | RECORDS | BEGINNINGS | {"taximeter_", "taximeter_exporter"}):
            yield name
    yield from (name for name in re.findall(r"\bTaximeter[A-Z]\w+\b", text) if name not in ALERTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_metrics_rules_and_alerts_are_called_by_their_names(path: Path) -> None:
    assert list(unknown(path.read_text(encoding="utf-8"))) == []


def test_a_name_that_is_not_there_is_found() -> None:
    assert list(
        unknown("taximeter_gpu_up taximeter_gpu_upp run:taximeter_run_cost_per_hour:rate2m TaximeterGpuCold")
    ) == [
        "taximeter_gpu_upp",
        "run:taximeter_run_cost_per_hour:rate2m",
        "TaximeterGpuCold",
    ]


def test_the_readme_counts_dashboards_and_alerts_right() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    dashboards = len(list((REPOSITORY / "grafana" / "dashboards").glob("*.json")))
    assert f"{IN_WORDS[dashboards]} **Grafana** [dashboards]" in readme
    assert f"{len(ALERTS)} [alerts]" in readme


def test_variables_of_the_environment_are_read_by_some_program() -> None:
    """Or filled in by docker compose."""
    programs = "".join(
        path.read_text(encoding="utf-8")
        for path in (*REPOSITORY.glob("*/taximeter*/**/*.py"), *REPOSITORY.glob("docker-compose*.yml"))
    )
    named = {name for path in FILES for name in re.findall(r"\bTAXIMETER_[A-Z_]+\b", path.read_text(encoding="utf-8"))}
    assert named
    assert {name for name in named if not re.search(rf"\b{name}\b", programs)} == set()


def test_a_meter_has_what_is_called_of_it() -> None:
    called = {name for each in code() for name in re.findall(r"\bmeter\.(?!py\b)([a-z_]+)", each.text)}
    assert "steps" in called
    assert {name for name in called if not hasattr(Meter, name)} == set()
