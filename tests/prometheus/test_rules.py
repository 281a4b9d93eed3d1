"""promtool accepts the configuration, and every rule keeps what its tests in prometheus/tests/ promise."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.binaries import Tools
from demo.configs import REPOSITORY

pytestmark = pytest.mark.binaries

PROMETHEUS = REPOSITORY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def promtool(tools: Tools, *arguments: str | Path) -> str:
    done = subprocess.run([tools.promtool, *arguments], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def test_configuration_is_accepted(tools: Tools) -> None:
    assert "SUCCESS" in promtool(tools, "check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_accepted_with_no_lint_finding(tools: Tools, path: Path) -> None:
    promtool(tools, "check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_their_tests_say(tools: Tools, path: Path) -> None:
    promtool(tools, "test", "rules", path)


def test_a_rule_file_has_a_test_file_and_every_rule_is_named_in_it() -> None:
    assert [path.name for path in RULES] == [path.name for path in TESTS]
    for path in RULES:
        tested = (PROMETHEUS / "tests" / path.name).read_text()
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                assert rule.get("alert", rule.get("record")) in tested


@pytest.mark.parametrize("rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_an_alert_says_what_happens_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["annotations"].keys() == {"summary", "description"}
    # A budget's alert takes its severity from the threshold that it crossed.
    takes_severity_from_series = "taximeter_budget_threshold_ratio" in rule["expr"]
    assert takes_severity_from_series or rule["labels"]["severity"] in {"info", "warning", "critical", "none"}


@pytest.mark.parametrize("rule", [rule for rule in rules() if "record" in rule], ids=lambda rule: rule["record"])
def test_a_recording_rule_is_named_level_metric_operation(rule: dict[str, Any]) -> None:
    level, metric, operation = rule["record"].split(":")
    assert level in {"budget", "gpu", "instance", "project", "run"}
    assert metric.startswith("taximeter_")
    assert operation
