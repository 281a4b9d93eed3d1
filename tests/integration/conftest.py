"""The whole chain for real, once for all tests here: exporter, Prometheus, Alertmanager, receiver, a training run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from demo.binaries import Tools
from demo.configs import write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, HOST, Ports, free_ports
from demo.processes import Processes
from demo.stack import Stack, Starter, clean_environment, start_stack
from demo.web import get_json
from support.programs import wait_for
from support.tools import tools

__all__ = ["tools"]

RUN = "chain"


@dataclass(frozen=True)
class Chain:
    """A stack, what it was started with, and what the run's bill said."""

    folder: Path
    ports: Ports
    stack: Stack
    processes: Processes

    def query(self, expr: str) -> list[Any]:
        """An instant query to its Prometheus."""
        answer = get_json(f"{self.stack.prometheus.url}/api/v1/query", query=expr)
        return list(answer["data"]["result"])

    def query_range(self, expr: str, *, start: float, end: float) -> list[Any]:
        """A query over a range, every 5 s."""
        answer = get_json(
            f"{self.stack.prometheus.url}/api/v1/query_range", query=expr, start=str(start), end=str(end), step="5"
        )
        return list(answer["data"]["result"])

    def run(self) -> Any:
        """The run as the exporter's API tells it."""
        return get_json(f"{self.stack.exporter.url}/api/v1/runs/{RUN}")


@contextmanager
def chain(folder: Path, tools: Tools, *, simulate: bool) -> Iterator[Chain]:
    """Start the stack, train, and wait until Prometheus has the run's last figures."""
    ports = free_ports(ANY)
    configs = write_configs(folder, ports, gpus=8 if simulate else 0)
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        processes = stack.enter_context(Processes())
        starter = Starter(folder, ports, processes, interrupts)
        started = start_stack(starter, configs, tools, simulate=simulate, say=print)
        running = Chain(folder, ports, started, processes)
        _train(running)
        due = float(running.run()["cost"]["USD"])
        wait_for(
            lambda: any(
                abs(float(entry["value"][1]) - due) < 0.005
                for entry in running.query(f'taximeter_run_cost_total{{run="{RUN}"}}')
            ),
            "Prometheus never had the run's cost",
            seconds=30,
        )
        yield running


def _train(running: Chain) -> None:
    """A short run; long enough for several scrapes."""
    command = [
        *(str(Path(sys.executable).with_name("taximeter")), "train", "--project", "demo", "--run", RUN),
        *("--epochs", "8", "--exporter", running.stack.exporter.url, "--format", "json"),
        *("--metrics-listen", f"{HOST}:{running.ports.trainer}", "--output", str(running.folder / "runs")),
    ]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (running.folder / "bill.json").write_text(done.stdout, encoding="utf-8")


@pytest.fixture(scope="session")
def real_chain(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Chain]:
    """On this machine's own device."""
    with chain(tmp_path_factory.mktemp("chain"), tools, simulate=False) as running:
        yield running


@pytest.fixture(scope="session")
def simulated_chain(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Chain]:
    """On eight simulated GPUs."""
    with chain(tmp_path_factory.mktemp("simulated"), tools, simulate=True) as running:
        yield running
