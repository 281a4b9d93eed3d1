"""Where each alert goes, asked of the real amtool: by severity, by team, and for every alert of prometheus/rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from demo.binaries import Tools
from demo.configs import REPOSITORY

pytestmark = pytest.mark.binaries

RULES = REPOSITORY / "prometheus" / "rules"

BUDGET = {"budget": "demo", "period": "month", "currency": "USD", "job": "taximeter-exporter", "instance": "host:9877"}
GPU = {"uuid": "GPU-1", "gpu": "0", "job": "taximeter-exporter", "instance": "host:9877"}
RUN = {"run": "r-1"}
ROUTES = [
    ({"alertname": "Watchdog", "severity": "none"}, "watchdog"),
    ({"severity": "critical", **BUDGET}, "pager,people"),
    ({"severity": "warning", **BUDGET}, "people"),
    ({"severity": "info", **BUDGET}, "people"),
    ({"severity": "critical", **GPU}, "pager,people"),
    ({"severity": "warning", **GPU}, "people"),
    ({"severity": "info", **GPU}, "people"),
    ({"severity": "critical", **RUN}, "pager,people"),
    ({"severity": "warning", **RUN}, "people"),
    ({"alertname": "SomebodyElses"}, "unrouted"),
    ({"alertname": "SomebodyElses", "severity": "page"}, "unrouted"),
    ({"alertname": "SomebodyElses", "budget": "demo"}, "unrouted"),
]


def receivers(tools: Tools, config: Path, labels: dict[str, str]) -> str:
    """The receivers of an alert with these labels, separated by commas, as `amtool config routes test` says."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    command: list[str | Path] = [tools.amtool, "config", "routes", "test", "--config.file", config, *pairs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("labels", "expected"), ROUTES)
def test_alerts_go_by_severity(tools: Tools, config: Path, labels: dict[str, str], expected: str) -> None:
    assert receivers(tools, config, labels) == expected


def alerts_of_the_rules() -> Iterator[dict[str, str]]:
    """The labels that say where each alert of the rules goes; a threshold's severity comes from its series."""
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    own = rule.get("labels", {}).get("severity")
                    for severity in [own] if own else ["info", "warning", "critical"]:
                        money = BUDGET if rule["alert"].startswith("TaximeterBudget") else {}
                        yield {"alertname": rule["alert"], "severity": severity, **money}


def test_no_alert_of_the_rules_is_left_to_chance(tools: Tools, config: Path) -> None:
    expected = {"critical": "pager,people", "warning": "people", "info": "people", "none": "watchdog"}
    alerts = list(alerts_of_the_rules())
    assert len(alerts) > 30
    astray = {
        (alert["alertname"], alert["severity"]): found
        for alert in alerts
        if (found := receivers(tools, config, alert)) != expected[alert["severity"]]
    }
    assert astray == {}
