"""A second Prometheus on the same past and the same exporter, to be killed while the first goes on; it tells nobody."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from demo.binaries import Tools
from demo.configs import REPOSITORY, prometheus_config
from demo.interrupts import Interrupts, TookTooLong
from demo.ports import ANY, HOST, Ports, free_ports
from demo.processes import Processes
from demo.stack import Service, Starter
from demo.web import get_json

WAIT_SECONDS = 600.0
"""The sums of the fleet are recorded once a minute."""


@dataclass(frozen=True)
class Said:
    """What a Prometheus said at one moment."""

    active_since: str = ""
    """Of the forecast's alert, if it fires."""
    fleet_spent: float = 0
    """Of the budget `foreseen`, over all machines."""
    burning_per_hour: float = 0
    """Of the budget `burning`, over the last hour."""


class Beside:
    """Starts at once, in a folder of its own, on a copy of the data that the first one is about to start on."""

    def __init__(self, tools: Tools, folder: Path, ports: Ports, processes: Processes) -> None:
        self._tools = tools
        self._folder = folder / "beside"
        shutil.copytree(folder / "prometheus", self._folder / "prometheus")
        ports = replace(ports, prometheus=free_ports(ANY).prometheus)
        config = prometheus_config(REPOSITORY / "prometheus" / "prometheus.yml", ports)
        del config["alerting"]
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self._url = f"http://{HOST}:{ports.prometheus}"
        self._starter = Starter(self._folder, ports, processes, Interrupts())
        self._service = self._start()

    def restart(self) -> tuple[Said, Said]:
        """Kill it, and start it again on its data: what it said before, and as soon as the alert fires again."""
        before = self._say()
        kill(self._service)
        self._service = self._start()
        return before, self._say()

    def _start(self) -> Service:
        return self._starter.prometheus(self._tools.prometheus, self._folder / "prometheus.yml")

    def _say(self) -> Said:
        """As soon as it says all of it, or in the end what it says of it."""
        with suppress(TookTooLong):
            Interrupts().wait_until(
                lambda: self._active_since() != "" and self._fleet_spent() > 0,
                seconds=WAIT_SECONDS,
                what="the forecast's alert and the sums of the second Prometheus",
            )
        per_hour = self._value('budget:taximeter_budget_spent_per_hour:rate1h{budget="burning"}')
        return Said(self._active_since(), self._fleet_spent(), per_hour)

    def _active_since(self) -> str:
        # Of the rule itself: a series of before the kill is still seen for minutes.
        alerts = get_json(f"{self._url}/api/v1/alerts")["data"]["alerts"]
        active = [
            str(alert["activeAt"])
            for alert in alerts
            if (alert["labels"]["alertname"], alert["labels"].get("budget")) == ("TaximeterBudgetForecast", "foreseen")
            and alert["state"] == "firing"
        ]
        return active[0] if active else ""

    def _fleet_spent(self) -> float:
        return self._value('fleet:taximeter_budget_spent:sum{budget="foreseen"}')

    def _value(self, query: str) -> float:
        """0 where there is none."""
        result = get_json(f"{self._url}/api/v1/query", query=query)["data"]["result"]
        return sum(float(entry["value"][1]) for entry in result)


def kill(service: Service) -> None:
    """End a part of the stack without giving it a moment."""
    os.kill(service.process.pid, signal.SIGKILL)
    Interrupts().wait_until(lambda: service.process.status() is not None, seconds=120, what="the end of a process")
