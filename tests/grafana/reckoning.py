"""What the queries of panels give of made-up series, as Prometheus itself reckons it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from demo.binaries import Tools
from grafana.files import DASHBOARDS
from grafana.queries import dashboard_queries, panels

NOW = "30m"
"""The end of the made-up series at which queries are asked."""


def query(dashboard: str, panel: str, part: str | None = None, *, filters: Mapping[str, str]) -> str:
    """The PromQL of a panel, or of a column or part of it."""
    path = DASHBOARDS / f"{dashboard}.json"
    (shown,) = (one for one in panels(json.loads(path.read_text(encoding="utf-8"))) if one["title"] == panel)
    ref_id = "A" if part is None else _ref_id(shown, part)
    (expr,) = (
        query.expr
        for query in dashboard_queries(path, variables=filters)
        if (query.panel, query.ref_id) == (panel, ref_id)
    )
    return expr


def _ref_id(panel: Mapping[str, Any], title: str) -> str:
    (names,) = (step["options"]["renameByName"] for step in panel["transformations"] if step["id"] == "organize")
    (field,) = (field for field, renamed in names.items() if renamed == title)
    return str(field.removeprefix("Value #"))


def reckon(tools: Tools, folder: Path, series: Mapping[str, str], expected: Mapping[str, Mapping[str, float]]) -> None:
    """Let promtool check what each expression gives; amounts stand under the labels that tell them apart."""
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
    path.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}), encoding="utf-8")
    done = subprocess.run([tools.promtool, "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
