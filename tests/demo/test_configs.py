"""The demo's configurations are the repository's with other addresses; and the exporter takes the one it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.configs import LIMIT, PER_HOUR, REPOSITORY, alertmanager_config, prometheus_config, write_configs
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


def test_alertmanager_differs_in_the_receiver_s_address_and_has_no_mail() -> None:
    source = REPOSITORY / "alertmanager" / "alertmanager.yml"
    original = yaml.safe_load(source.read_text())
    mail = original["receivers"][0]["email_configs"]
    assert difference(original, alertmanager_config(source, PORTS)) == {
        "/templates/0": ("templates/*.tmpl", f"{REPOSITORY}/alertmanager/templates/*.tmpl"),
        "/global/smtp_smarthost": ("mail:1025", None),
        "/global/smtp_from": ("taximeter@localhost", None),
        "/global/smtp_require_tls": (False, None),
        "/receivers/0/email_configs": (mail, None),
        "/receivers/0/webhook_configs/0/url": ("http://receiver:9099/", "http://127.0.0.1:16/"),
        "/receivers/1/email_configs": (mail, None),
        "/receivers/1/webhook_configs/0/url": ("http://receiver:9099/", "http://127.0.0.1:16/"),
    }


@pytest.mark.parametrize("gpus", [0, 8])
def test_the_exporter_accepts_its_own(tmp_path: Path, gpus: int) -> None:
    settings = load(write_configs(tmp_path, PORTS, gpus=gpus).exporter, {})
    assert settings.listen == ("127.0.0.1", 11)
    assert settings.ledger == tmp_path / "ledger.db"
    (price,) = settings.prices
    (budget,) = settings.budgets
    assert (price.per_hour, price.gpus) == (PER_HOUR, gpus)
    assert (budget.limit, budget.scope) == (LIMIT, {"project": "demo"})
