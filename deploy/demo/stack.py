"""Exporter, receiver, Alertmanager, Prometheus and, where it is installed, Grafana: started and waited for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo import grafana
from demo.binaries import Tools
from demo.configs import REPOSITORY, Configs
from demo.interrupts import Interrupts
from demo.ports import HOST, Ports
from demo.processes import Process, Processes

READY_SECONDS = 120.0
GRAFANA_READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Service:
    """A part of the stack that is up."""

    process: Process
    url: str


@dataclass(frozen=True, slots=True)
class Stack:
    """All parts, up and ready."""

    exporter: Service
    receiver: Service
    alertmanager: Service
    prometheus: Service
    grafana: Service | None

    @property
    def processes(self) -> Sequence[Process]:
        """One a part."""
        parts = (self.exporter, self.receiver, self.alertmanager, self.prometheus, self.grafana)
        return [part.process for part in parts if part]


class Starter:
    """Starts one part at a time, each with its log in `folder`, and ends them with `processes`."""

    def __init__(self, folder: Path, ports: Ports, processes: Processes, interrupts: Interrupts) -> None:
        self._folder = folder
        self._ports = ports
        self._processes = processes
        self._interrupts = interrupts

    def receiver(self) -> Service:
        """What Alertmanager tells; `GET /` answers what was received."""
        port = self._ports.receiver
        command: list[str | Path] = [
            sys.executable,
            REPOSITORY / "alertmanager" / "receiver.py",
            "--listen",
            f"{HOST}:{port}",
        ]
        return self._start("receiver", command, port, "/healthz")

    def exporter(self, config: Path, *, simulate: bool) -> Service:
        """Our own exporter, of the environment that this program runs in."""
        program = Path(sys.executable).with_name("taximeter-exporter")
        command: list[str | Path] = [program, "serve", "--config", config, *(["--simulate"] if simulate else [])]
        return self._start("exporter", command, self._ports.exporter, "/readyz")

    def alertmanager(self, program: Path, config: Path) -> Service:
        """A single one: nothing but loopback is listened on."""
        port = self._ports.alertmanager
        command: list[str | Path] = [
            program,
            f"--config.file={config}",
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.external-url=http://{HOST}:{port}/",
            "--cluster.listen-address=",
        ]
        return self._start("alertmanager", command, port, "/-/ready")

    def prometheus(self, program: Path, config: Path) -> Service:
        """With its data in the folder."""
        port = self._ports.prometheus
        command: list[str | Path] = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.external-url=http://{HOST}:{port}/",
            "--rules.alert.resend-delay=10s",  # what was not heard, for instance at the start, is said again soon
        ]
        return self._start("prometheus", command, port, "/-/ready")

    def grafana(self, prometheus_url: str) -> Service | None:
        """With our data source and dashboards; `None` where Grafana is not installed."""
        command = grafana.command()
        if command is None:
            return None
        port = self._ports.grafana
        settings = grafana.settings(self._folder, port, prometheus_url)
        return self._start("grafana", command, port, "/api/health", settings, seconds=GRAFANA_READY_SECONDS)

    def _start(
        self,
        name: str,
        command: Sequence[str | Path],
        port: int,
        ready_path: str,
        settings: Mapping[str, str] | None = None,
        *,
        seconds: float = READY_SECONDS,
    ) -> Service:
        """Start one part and wait until it is ready. Raises `EndedEarly`, `TookTooLong` or `Interrupted`."""
        url = f"http://{HOST}:{port}"
        process = self._processes.serve(
            name,
            command,
            ready_url=url + ready_path,
            log=self._folder / f"{name}.log",
            interrupts=self._interrupts,
            seconds=seconds,
            env=clean_environment() | dict(settings or {}),
        )
        return Service(process, url)


def start_stack(
    starter: Starter, configs: Configs, tools: Tools, *, simulate: bool, say: Callable[[str], None]
) -> Stack:
    """Everything, in the order in which one part needs the other."""
    exporter = starter.exporter(configs.exporter, simulate=simulate)
    say("exporter ready")
    receiver = starter.receiver()
    alertmanager = starter.alertmanager(tools.alertmanager, configs.alertmanager)
    say("receiver and Alertmanager ready")
    prometheus = starter.prometheus(tools.prometheus, configs.prometheus)
    say("Prometheus ready")
    dashboards = starter.grafana(prometheus.url)
    say("Grafana ready" if dashboards else "Grafana is not installed here: no dashboards in this demo")
    return Stack(exporter, receiver, alertmanager, prometheus, dashboards)


def clean_environment() -> dict[str, str]:
    """Our environment without the variables that would override what the demo's configuration says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TAXIMETER_")}
