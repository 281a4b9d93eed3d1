"""The demo's configurations are the repository's with other addresses; and the exporter takes the one it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.configs import LIMIT, PER_HOUR, REPOSITORY, ConfigRefused, prometheus_config, write_configs
from demo.ports import Ports
from taximeter_exporter.config.settings import load

PORTS = Ports(exporter=11, trainer=12, prometheus=13, alertmanager=14, grafana=15, receiver=16)


def difference(one: Any, other: Any, at: str = "") -> dict[str, tuple[Any, Any]]:
    """Where two documents differ, by path."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return {k: v for key in keys for k, v in difference(one.get(key), other.get(key), f"{at}/{key}").items()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return {k: v for place, (a, b) in pairs for k, v in difference(a, b, f"{at}/{place}").items()}
    return {} if one == other else {at: (one, other)}


def test_prometheus_differs_in_addresses_and_where_the_rules_are() -> None:
    source = REPOSITORY / "prometheus" / "prometheus.yml"
    derived = prometheus_config(source, PORTS)
    assert difference(yaml.safe_load(source.read_text()), derived) == {
        "/rule_files/0": ("rules/*.yml", f"{REPOSITORY}/prometheus/rules/*.yml"),
        "/alerting/alertmanagers/0/static_configs/0/targets/0": ("alertmanager:9093", "127.0.0.1:14"),
        "/scrape_configs/0/static_configs/0/targets/0": ("exporter:9877", "127.0.0.1:11"),
        "/scrape_configs/1/static_configs/0/targets/0": ("trainer:9878", "127.0.0.1:12"),
        "/scrape_configs/2/static_configs/0/targets/0": ("localhost:9090", "127.0.0.1:13"),
        "/scrape_configs/3/static_configs/0/targets/0": ("alertmanager:9093", "127.0.0.1:14"),
    }


def test_alertmanager_is_told_where_the_receiver_is_and_of_no_mail(tmp_path: Path) -> None:
    config = yaml.safe_load(write_configs(tmp_path, PORTS, gpus=0).alertmanager.read_text())
    routes = yaml.safe_load((REPOSITORY / "alertmanager" / "routes.yml").read_text())
    people = [{"url": "http://127.0.0.1:16/", "send_resolved": True}]
    assert config == {
        **routes,
        "templates": [f"{REPOSITORY}/alertmanager/templates/*.tmpl"],
        "receivers": [
            {"name": "people", "webhook_configs": people},
            {"name": "unrouted", "webhook_configs": people},
            {"name": "pager"},
            {"name": "watchdog"},
        ],
    }


def test_secrets_turn_channels_on_in_the_demo_too(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "slack_url").write_text("https://hooks.slack.com/services/T/B/X\n")
    configs = write_configs(tmp_path, PORTS, gpus=0, secrets=secrets)
    assert configs.told == "everybody: Slack; receiver http://127.0.0.1:16/"
    config = yaml.safe_load(configs.alertmanager.read_text())
    assert config["receivers"][0]["slack_configs"][0]["api_url_file"] == str(secrets / "slack_url")


def test_a_secret_that_this_alertmanager_cannot_take_is_refused(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "discord_url").write_text("https://discord.com/api/webhooks/1/x\n")
    with pytest.raises(ConfigRefused, match=r"discord_url: Discord needs Alertmanager 0\.28, and this one is 0\.25\.0"):
        write_configs(tmp_path, PORTS, gpus=0, secrets=secrets, alertmanager_version="0.25.0+ds")


@pytest.mark.parametrize("gpus", [0, 8])
def test_the_exporter_accepts_its_own(tmp_path: Path, gpus: int) -> None:
    settings = load(write_configs(tmp_path, PORTS, gpus=gpus).exporter, {})
    assert settings.listen == ("127.0.0.1", 11)
    assert settings.ledger == tmp_path / "ledger.db"
    (price,) = settings.prices
    (budget,) = settings.budgets
    assert (price.per_hour, price.gpus) == (PER_HOUR, gpus)
    assert (budget.limit, budget.scope) == (LIMIT, {"project": "demo"})
