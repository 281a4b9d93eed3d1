"""What the queries of panels give of made-up series, as Prometheus itself reckons it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from demo.binaries import Tools
from grafana.files import DASHBOARDS
from grafana.queries import filled_in, panels

NOW = "30m"
"""The end of the made-up series at which queries are asked."""


def query(dashboard: str, panel: str, part: str | None = None, *, filters: Mapping[str, str]) -> str:
    """The PromQL of a panel, or of a column or part of it."""
    document = json.loads((DASHBOARDS / f"{dashboard}.json").read_text(encoding="utf-8"))
    (expr,) = (
        target["expr"]
        for shown in panels(document)
        if shown["title"] == panel
        for target in shown["targets"]
        if target["refId"] == ("A" if part is None else _ref_ids(shown).get(part))
    )
    return filled_in(expr, filters)


def _ref_ids(panel: Mapping[str, Any]) -> dict[str, str]:
    """By the heads of the panel's columns the letters of their queries."""
    return {
        title: field.removeprefix("Value #")
        for step in panel.get("transformations", [])
        if step["id"] == "organize"
        for field, title in step["options"]["renameByName"].items()
    }


def reckon(
    tools: Tools,
    folder: Path,
    series: Mapping[str, str],
    expected: Mapping[str, Mapping[str, float]],
    *,
    rules: Sequence[Path] = (),
) -> None:
    """Let promtool check what each expression gives; amounts stand under the labels that tell them apart.

    Of the series, and of what `rules` record of them.
    """
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": NOW,
                "exp_samples": [{"labels": labels, "value": amount} for labels, amount in amounts.items()],
            }
            for expr, amounts in expected.items()
        ],
    }
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rule) for rule in rules], "tests": [test]}), encoding="utf-8")
    done = subprocess.run([tools.promtool, "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
