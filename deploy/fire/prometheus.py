"""A Prometheus for one alert: no targets, rules alone, evaluated each second."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.binaries import Tools
from demo.interrupts import Interrupts
from demo.ports import HOST
from demo.processes import Process, Processes
from demo.stack import READY_SECONDS
from demo.web import get_json, post

EVALUATED_SECONDS = 120.0

FIRED = ("fired", "on purpose")
"""A label of every alert from here, by which it can be told from one that nobody made."""


class RulesPrometheus:
    """Its configuration, rules, data and log are in `folder`. Everything that it sends says that it is made up."""

    def __init__(self, folder: Path, port: int, tools: Tools, processes: Processes, interrupts: Interrupts) -> None:
        self.url = f"http://{HOST}:{port}"
        self.data = folder / "data"
        self._folder = folder
        self._port = port
        self._tools = tools
        self._processes = processes
        self._interrupts = interrupts
        self._process: Process | None = None
        (folder / "rules").mkdir()

    def write_rules(self, files: Mapping[str, Any]) -> None:
        """Put rule files in place, by name; in force from the next start, or `reload`, on."""
        for name, content in files.items():
            self._write(self._folder / "rules" / name, content)

    def configure(self, alertmanager: str | None) -> None:
        """Alerts are sent to the Alertmanager at a URL, or nowhere."""
        self._write(
            self._folder / "prometheus.yml",
            {
                "global": {"evaluation_interval": "1s", "external_labels": dict([("simulated", "true"), FIRED])},
                "rule_files": ["rules/*.yml"],
                "alerting": {"alertmanagers": [_target(alertmanager)] if alertmanager else []},
            },
        )

    def start(self, lookback_seconds: float) -> None:
        """Start it on its data. A series is seen for `lookback_seconds` after its last sample."""
        command: list[str | Path] = [
            self._tools.prometheus,
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address={HOST}:{self._port}",
            "--web.enable-lifecycle",
            f"--query.lookback-delta={lookback_seconds:.0f}s",
            # For some seconds after a reload it knows no Alertmanager, and what fires then is told when it is sent
            # again. An alert that has not been sent for four times as long is over.
            "--rules.alert.resend-delay=3s",
        ]
        self._process = self._processes.serve(
            "prometheus",
            command,
            ready_url=f"{self.url}/-/ready",
            log=self._folder / "prometheus.log",
            interrupts=self._interrupts,
            seconds=READY_SECONDS,
        )

    def stop(self) -> None:
        """End it; its data stay."""
        if self._process:
            self._process.stop()

    def reload(self) -> None:
        """Have it read its configuration and rules again."""
        post(f"{self.url}/-/reload")

    def wait_for_evaluation(self) -> None:
        """Until every group has been evaluated from now on."""
        begin = time.time()

        def evaluated() -> bool:
            groups = get_json(f"{self.url}/api/v1/rules")["data"]["groups"]
            return all(datetime.fromisoformat(group["lastEvaluation"]).timestamp() > begin for group in groups)

        self._interrupts.wait_until(evaluated, seconds=EVALUATED_SECONDS, what="an evaluation of all rules", every=0.25)

    def alerts(self) -> list[dict[str, Any]]:
        """Those that fire: `labels`, `annotations`, `activeAt`."""
        found: list[dict[str, Any]] = get_json(f"{self.url}/api/v1/alerts")["data"]["alerts"]
        return [alert for alert in found if alert["state"] == "firing"]

    @staticmethod
    def _write(path: Path, content: Any) -> None:
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")  # JSON is YAML, and quickly written


def _target(url: str) -> dict[str, Any]:
    address = urlsplit(url)
    return {
        "scheme": address.scheme,
        "path_prefix": address.path or "/",
        "static_configs": [{"targets": [address.netloc]}],
    }
