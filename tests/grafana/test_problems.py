"""The dashboard "GPUs" calls by the same severity what the alerts do."""

from __future__ import annotations

import re
from itertools import groupby

import yaml
from dashboards_src.gpus.problems import PROBLEMS, SLOWDOWNS, XID_OF_A_PROGRAM, XID_OF_HARDWARE
from grafana.files import REPOSITORY
from taximeter_exporter.devices.conditions import Condition
from taximeter_exporter.devices.slowdown import REASONS

RULES = yaml.safe_load((REPOSITORY / "prometheus/rules/gpu.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}


def matched(alert: str, label: str) -> set[str]:
    """The values that the alert's expression matches of a label."""
    return set(re.findall(rf'{label}[=!]~"([^"]+)"', ALERTS[alert]["expr"]))


def test_xid_errors_are_as_severe_as_their_alerts() -> None:
    assert matched("TaximeterGpuXidCritical", "xid") == {XID_OF_HARDWARE}
    assert matched("TaximeterGpuXid", "xid") == {f"{XID_OF_HARDWARE}|{XID_OF_A_PROGRAM}"}
    assert matched("TaximeterGpuXidApplication", "xid") == {XID_OF_A_PROGRAM}
    severities = {problem.text: problem.severity for problem in PROBLEMS}
    assert {alert: ALERTS[alert]["labels"]["severity"] for alert in ALERTS if "Xid" in alert} == {
        "TaximeterGpuXidCritical": severities["XID error of the hardware"],
        "TaximeterGpuXid": severities["XID error"],
        "TaximeterGpuXidApplication": severities["XID error of a program"],
    }


def test_the_same_reasons_count_as_slowed_down() -> None:
    assert "|".join(REASONS) == SLOWDOWNS
    assert f"reason=~'{SLOWDOWNS}'" in ALERTS["TaximeterGpuThrottled"]["annotations"]["summary"]


def test_conditions_are_those_that_the_exporter_tells() -> None:
    conditions = {
        name
        for expr in (*(problem.expr for problem in PROBLEMS), *(rule["expr"] for rule in ALERTS.values()))
        for name in re.findall(r'condition="([^"]+)"', expr)
    }
    assert conditions == set(Condition) - {Condition.MEMORY_UNUSED}


def test_the_worst_come_first() -> None:
    assert [severity for severity, _ in groupby(problem.severity for problem in PROBLEMS)] == [
        "critical",
        "warning",
        "info",
    ]
