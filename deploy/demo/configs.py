"""The configuration files of the demo, written into its own folder.

Those of Prometheus and Alertmanager are the repository's, with loopback addresses: there is no second copy that could
drift away.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from demo.ports import HOST, Ports

REPOSITORY = Path(__file__).resolve().parents[2]

PROJECT = "demo"
BUDGET = "demo"
CURRENCY = "USD"
PER_HOUR = Decimal("3600.00")
"""Made up: a dollar a second, so that a budget is used up while one watches."""
LIMIT = Decimal("5.00")
"""Less than the shortest run costs, on a fast machine with a GPU too, so that every threshold is crossed."""
THRESHOLDS = (Decimal("0.5"), Decimal("0.8"), Decimal("1.0"))


SECRETS = REPOSITORY / "alertmanager" / "secrets"


class ConfigRefused(Exception):
    """A file of secrets is not right. Says which, and what would be."""


@dataclass(frozen=True, slots=True)
class Configs:
    """The files that were written, and what configure.py said of whom Alertmanager tells."""

    prometheus: Path
    alertmanager: Path
    exporter: Path
    told: str


def write_configs(
    folder: Path, ports: Ports, *, gpus: int, secrets: Path | None = None, alertmanager_version: str | None = None
) -> Configs:
    """Write all three into `folder`, which exists. Raises `ConfigRefused`.

    People are told by the channels of `secrets`, those that this version of Alertmanager has, besides the receiver.
    """
    prometheus, exporter = folder / "prometheus.yml", folder / "taximeter.yaml"
    _write(prometheus, prometheus_config(REPOSITORY / "prometheus" / "prometheus.yml", ports))
    _write(exporter, exporter_config(ports, gpus=gpus))
    alertmanager = folder / "alertmanager.yml"
    told = configure_alertmanager(alertmanager, ports, secrets, alertmanager_version)
    return Configs(prometheus, alertmanager, exporter, told)


def prometheus_config(source: Path, ports: Ports) -> dict[str, Any]:
    """Prometheus's configuration with targets on loopback, each job's single one, and rules by absolute path."""
    config = _read(source)
    targets = {
        "taximeter-exporter": ports.exporter,
        "taximeter-trainer": ports.trainer,
        "prometheus": ports.prometheus,
        "alertmanager": ports.alertmanager,
    }
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"{HOST}:{targets[job['job_name']]}"]}]
    for alertmanager in config["alerting"]["alertmanagers"]:
        alertmanager["static_configs"] = [{"targets": [f"{HOST}:{ports.alertmanager}"]}]
    config["rule_files"] = [str(source.parent / pattern) for pattern in config["rule_files"]]
    return config


def configure_alertmanager(path: Path, ports: Ports, secrets: Path | None, version: str | None) -> str:
    """Write Alertmanager's configuration as docker-compose does, with the receiver on loopback and no catcher of mail.

    Gives whom Alertmanager tells, in words. Raises `ConfigRefused`.
    """
    command: list[str | Path] = [
        *(sys.executable, REPOSITORY / "alertmanager" / "configure.py", "--out", path),
        *("--receiver", f"http://{HOST}:{ports.receiver}/"),
        *(("--secrets", secrets) if secrets else ()),
        *(("--for", version) if version else ()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise ConfigRefused(done.stderr.strip())
    return done.stdout.removeprefix(f"{path}: ").strip()


def exporter_config(ports: Ports, *, gpus: int) -> dict[str, Any]:
    """A machine at a made-up price, and a budget small enough to be used up by the demo's run."""
    offer = {"provider": "made-up", "region": "demo", "instance_type": "demo-machine", "pricing_model": "on_demand"}
    return {
        "listen": f"{HOST}:{ports.exporter}",
        "ledger": "ledger.db",
        "host": offer,
        "prices": [{**offer, "per_hour": float(PER_HOUR), "currency": CURRENCY, "gpus": gpus}],
        "budgets": [
            {
                "name": BUDGET,
                "period": "month",
                "timezone": "UTC",
                "limit": float(LIMIT),
                "currency": CURRENCY,
                "scope": {"project": PROJECT},
                "thresholds": [float(threshold) for threshold in THRESHOLDS],
            }
        ],
    }


def _read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return config


def _write(path: Path, config: Mapping[str, Any]) -> None:
    note = "# Written by the demo at each start; changes are lost.\n"
    path.write_text(note + yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
