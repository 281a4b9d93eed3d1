"""promtool accepts the configuration, and every rule keeps what its tests in prometheus/tests/ promise."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.fleet.lookback import seconds
from demo.binaries import Tools
from demo.configs import REPOSITORY
from grafana.contract import TAXIMETER

pytestmark = pytest.mark.binaries

PROMETHEUS = REPOSITORY / "prometheus"
RULES = [path for folder in ("rules", "more_rules") for path in sorted((PROMETHEUS / folder).glob("*.yml"))]
"""Those that prometheus.yml loads, and those that it does not."""
GLOBAL = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["global"]
EVALUATION: str = GLOBAL["evaluation_interval"]
SCRAPE_SECONDS = seconds(GLOBAL["scrape_interval"])
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def promtool(tools: Tools, *arguments: str | Path) -> str:
    done = subprocess.run([tools.promtool, *arguments], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDS = [rule for rule in rules() if "record" in rule]
RUNBOOKS = sorted((REPOSITORY / "docs" / "runbooks").glob("*.md"))
DASHBOARDS = {
    dashboard["uid"]: {variable["name"] for variable in dashboard["templating"]["list"]}
    for path in (REPOSITORY / "grafana" / "dashboards").glob("*.json")
    for dashboard in [json.loads(path.read_text(encoding="utf-8"))]
}
"""The filters of each dashboard, by its uid."""
KNOWN = TAXIMETER.keys() | {rule["record"] for rule in RECORDS}


def texts(rule: dict[str, Any]) -> list[str]:
    """All that has queries in it."""
    return [rule["expr"], *rule.get("labels", {}).values(), *rule.get("annotations", {}).values()]


def unknown_metrics(text: str) -> set[str]:
    """The metrics of ours in a text that neither a table nor a recording rule has."""
    return set(re.findall(r"(?:[a-z_]+:)?taximeter_\w+(?::\w+)?", text)) - KNOWN


def test_configuration_is_accepted(tools: Tools) -> None:
    assert "SUCCESS" in promtool(tools, "check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_accepted_with_no_lint_finding(tools: Tools, path: Path) -> None:
    promtool(tools, "check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_their_tests_say(tools: Tools, path: Path) -> None:
    promtool(tools, "test", "rules", path)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_rule_is_named_in_a_test_of_its_file(path: Path) -> None:
    tests = [text for test in TESTS if f"../{path.parent.name}/{path.name}" in (text := test.read_text())]
    for group in yaml.safe_load(path.read_text())["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert", rule.get("record"))
            assert any(re.search(rf"(?<![\w:]){name}(?![\w:])", text) for text in tests), name


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_fires_and_does_not_fire_in_its_tests(rule: dict[str, Any]) -> None:
    cases = [
        case
        for path in TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == rule["alert"]
    ]
    assert any(case["exp_alerts"] for case in cases)
    assert rule["alert"] == "Watchdog" or any(not case["exp_alerts"] for case in cases)
    for alert in (alert for case in cases for alert in case["exp_alerts"]):
        assert alert["exp_annotations"].keys() == rule["annotations"].keys()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_happens_what_to_do_and_where_to_look(rule: dict[str, Any]) -> None:
    annotations = rule["annotations"]
    pace: set[str] = {"used", "rate", "runway", "spenders"} if "Budget" in rule["alert"] else set()
    assert annotations.keys() == {"summary", "description", "runbook_url", "dashboard_url"} | pace
    # Paths, in the repository and on the Grafana server: whose addresses they are at, only who runs them knows.
    assert annotations["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    uid, _, choice = annotations["dashboard_url"].removeprefix("/d/").partition("?")
    assert uid in DASHBOARDS
    for name, label in re.findall(r"var-(\w+)=(.*?)(?:&|$)", choice):
        assert (name in DASHBOARDS[uid], label) == (True, f"{{{{ $labels.{name} | urlquery }}}}")
    # A budget's alert takes its severity from the threshold that it crossed.
    takes_severity_from_series = "taximeter_budget_threshold_ratio" in rule["expr"]
    assert takes_severity_from_series or rule["labels"]["severity"] in {"info", "warning", "critical", "none"}


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS} == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_what_it_costs_how_to_look_and_what_to_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    # Who is woken by it reads first what to do, on one line.
    assert re.fullmatch(rf"# {path.stem}\n\n\*\*First:\*\* [^\n]+\.\n\n", parts[0])
    assert parts[1::2] == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert all(part.strip() for part in parts[2::2])
    # Something to type, in a block that names its language.
    assert re.search(r"^```(sh|promql)\n.+\n```$", parts[6], flags=re.MULTILINE | re.DOTALL)
    assert unknown_metrics(text) == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_rule_asks_for_nothing_that_is_not_there(rule: dict[str, Any]) -> None:
    assert unknown_metrics("\n".join(texts(rule))) == set()


# What pint would say (github.com/cloudflare/pint), which is in no package registry that this environment is made from.


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_window_holds_four_scrapes_or_more(rule: dict[str, Any]) -> None:
    """With one of them lost there is still a rate."""
    ranges = re.findall(r"\[(\d+[a-z]\w*)\]", "\n".join(texts(rule)))
    assert [each for each in ranges if seconds(each) < 4 * SCRAPE_SECONDS] == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_an_alert_that_waits_waits_for_an_evaluation_or_more(path: Path) -> None:
    groups = yaml.safe_load(path.read_text())["groups"]
    assert [
        rule["alert"]
        for group in groups
        for rule in group["rules"]
        if "for" in rule and seconds(rule["for"]) < seconds(group.get("interval", EVALUATION))
    ] == []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_compares_something(rule: dict[str, Any]) -> None:
    """Without a comparison it would fire for whatever there is."""
    assert rule["alert"] == "Watchdog" or re.search(r"[<>]|==|!=", rule["expr"])


@pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
def test_a_recording_rule_is_named_level_metric_operation(rule: dict[str, Any]) -> None:
    level, metric, operation = rule["record"].split(":")
    assert set(level.split("_")) <= {"budget", "device", "fleet", "gpu", "instance", "project", "run", "share"}
    assert metric.startswith("taximeter_")
    assert operation
