"""Where each alert goes, asked of the real amtool: by severity, by team, and for every alert of prometheus/rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from alertmanager.newer import newer_amtool
from demo.binaries import Tools
from demo.configs import REPOSITORY, write_configs
from demo.ports import USUAL

pytestmark = pytest.mark.binaries

RULES = REPOSITORY / "prometheus" / "rules"

BUDGET = {"budget": "demo", "period": "month", "currency": "USD", "job": "taximeter-exporter", "instance": "host:9877"}
GPU = {"uuid": "GPU-1", "gpu": "0", "job": "taximeter-exporter", "instance": "host:9877"}
RUN = {"run": "r-1"}
VISION = {"run": "r-1", "team": "vision"}
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
    # A team without a folder of its own, and one that has it.
    ({"severity": "critical", "run": "r-1", "team": "other"}, "pager,people"),
    ({"severity": "info", "run": "r-1", "team": "other"}, "people"),
    ({"severity": "critical", **VISION}, "pager,pager-vision,people-vision"),
    ({"severity": "warning", **VISION}, "people-vision"),
    ({"severity": "info", **VISION}, "people-vision"),
    ({"severity": "warning", **BUDGET, "team": "vision"}, "people-vision"),
    ({"alertname": "SomebodyElses", "team": "vision"}, "unrouted"),
    ({"alertname": "SomebodyElses"}, "unrouted"),
    ({"alertname": "SomebodyElses", "severity": "page"}, "unrouted"),
    ({"alertname": "SomebodyElses", "budget": "demo"}, "unrouted"),
]


@pytest.fixture(scope="module", params=["of a distribution", "of docker compose"])
def amtool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The older and the newer one."""
    if request.param == "of docker compose":
        return newer_amtool(tmp_path_factory.mktemp("newer"))
    tools: Tools = request.getfixturevalue("tools")
    return tools.amtool


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With our receiver for everybody, and a folder of secrets for the team vision."""
    folder = tmp_path_factory.mktemp("routes")
    secrets = folder / "secrets" / "teams" / "vision"
    secrets.mkdir(parents=True)
    (secrets / "slack_url").write_text("https://hooks.slack.com/services/T/B/X")
    return write_configs(folder, USUAL, gpus=0, secrets=folder / "secrets").alertmanager


def receivers(amtool: Path, config: Path, labels: dict[str, str]) -> str:
    """The receivers of an alert with these labels, separated by commas, as `amtool config routes test` says."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    command: list[str | Path] = [amtool, "config", "routes", "test", "--config.file", config, *pairs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("labels", "expected"), ROUTES)
def test_alerts_go_by_severity(amtool: Path, config: Path, labels: dict[str, str], expected: str) -> None:
    assert receivers(amtool, config, labels) == expected


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


def test_no_alert_of_the_rules_is_left_to_chance(amtool: Path, config: Path) -> None:
    expected = {"critical": "pager,people", "warning": "people", "info": "people", "none": "watchdog"}
    alerts = list(alerts_of_the_rules())
    assert len(alerts) > 30
    astray = {
        (alert["alertname"], alert["severity"]): found
        for alert in alerts
        if (found := receivers(amtool, config, alert)) != expected[alert["severity"]]
    }
    assert astray == {}
