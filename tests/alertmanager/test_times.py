"""Info that is not about money is told in working hours only, by the real Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.binaries import Tools
from demo.configs import write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, free_ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import get_json
from support.posting import post_alerts
from support.programs import wait_for

pytestmark = pytest.mark.binaries

ALERTS = {
    "info of a GPU": {"severity": "info", "uuid": "GPU-1"},
    "warning of a GPU": {"severity": "warning", "uuid": "GPU-1"},
    "info of a budget": {"severity": "info", "budget": "demo"},
}


@pytest.fixture
def starter_and_config(tmp_path: Path) -> Iterator[tuple[Starter, Path]]:
    ports = free_ports(ANY)
    with Processes() as processes:
        yield (
            Starter(tmp_path, ports, processes, Interrupts()),
            write_configs(tmp_path, ports, gpus=0).alertmanager,
        )


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ({"years": ["1999"]}, {"warning of a GPU", "info of a budget"}),
        ({"months": ["1:12"]}, set(ALERTS)),
    ],
    ids=["never", "always"],
)
def test_info_waits_for_working_hours_unless_it_is_about_money(
    tools: Tools, starter_and_config: tuple[Starter, Path], hours: dict[str, Any], told: set[str]
) -> None:
    starter, path = starter_and_config
    config = yaml.safe_load(path.read_text())
    (interval,) = config["time_intervals"]
    interval["time_intervals"] = [hours]
    hurry(config["route"])
    path.write_text(yaml.safe_dump(config))
    receiver = starter.receiver()
    alertmanager = starter.alertmanager(tools.alertmanager, path)

    def received() -> set[str]:
        return {alert["labels"]["alertname"] for alert in get_json(f"{receiver.url}/")}

    # One after the other: if what comes first were told at all, it would be before the last.
    for name, labels in ALERTS.items():
        post_alerts(alertmanager.url, {"labels": {"alertname": name, **labels}})
        if name in told:
            wait_for(lambda name=name: name in received(), f"{name} is not told")
    assert received() == told


def hurry(route: dict[str, Any]) -> None:
    """A test does not wait for more alerts of a group."""
    route["group_wait"] = "0s"
    for below in route.get("routes", []):
        hurry(below)
